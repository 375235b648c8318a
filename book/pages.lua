-- pages.lua: a pandoc filter that writes an HTML book as one page a section: a
-- chapter's page has what stands before its first section. A section that is too
-- large is split at its subsections, an index by letter. Every page goes through the
-- template given with -s, beside the output file; so does search.js, for book.js.

local dir = PANDOC_STATE.output_file:match('^(.*/)') or ''
local home = PANDOC_STATE.output_file:match('([^/]*)$')
local here = PANDOC_SCRIPT_FILE:match('^(.*/)') or ''
local text = pandoc.utils.stringify
local LIMIT = 210000                           -- bytes, before links and contents
local SHORT = 60000

-- Without a template; and in one line what is in one line.
local PLAIN = pandoc.WriterOptions{html_math_method='mathml', wrap_text='wrap-none'}
local function html(blocks) return (pandoc.write(pandoc.Pandoc(blocks), 'html5', PLAIN)) end

local ENTITY = { amp='&', lt='<', gt='>', quot='"' }
local function words(s) return (s:gsub('<annotation.-</annotation>', ''):gsub('<[^>]*>', ''):gsub('&(%a+);', ENTITY):gsub('%s+', ' ')) end

-- What is written, as browsers understand it ---------------------------------------

-- A picture's type as large as the text around it: 10 points of it are 1 em.
local function sized(img)
  local f = io.open(dir .. (img:match('src="([^"]*)"') or ''))
  local width = f and f:read(500):match('<svg[^>]-width="([%d.]+)')
  if f then f:close() end
  return width and img:gsub('<img ', ('<img style="--em:%.1f" '):format(width / 10), 1) or img
end

-- Pandoc lets all brackets grow, and those that do stand too far apart. Here
-- only those around something tall.
local TALL = { 'mfrac', 'msqrt', 'mtable', 'munder' }
local function fences(m)
  local open, fixed = {}, {}
  for at, form in m:gmatch('()<mo stretchy="true" form="(%a+)">') do
    if form == 'prefix' then table.insert(open, at)
    elseif #open > 0 then
      local from, tall = table.remove(open), false
      for _, tag in ipairs(TALL) do tall = tall or m:sub(from, at):find('<' .. tag, 1, true) end
      if not tall then fixed[from], fixed[at] = true, true end
    end
  end
  return (m:gsub('()<mo stretchy="true" form="(%a+)">', function (at, form)
    return fixed[at] and ('<mo stretchy="false" form="%s">'):format(form) or nil
  end))
end

-- Pandoc's MathML as browsers understand it: no styles on groups, columns aligned
-- by a style, and space around the names of functions as in print.
local SIGN = { ['−']=true, ['+']=true, ['±']=true }        -- after = it is no operation
local CLOSES = { [')']=true, [']']=true, ['}']=true, ['|']=true, ['!']=true, ['⟩']=true, ['′']=true, ['″']=true, ['‖']=true }
local BOLD = 0x1D7CE                           -- a bold 0
local function mathml(m)
  m = fences(m):gsub('<mo>ℓ</mo>', '<mi>ℓ</mi>')
  -- \big and its like: browsers want a unit, and a sign that may stretch
  m = m:gsub('minsize="([%d.]+)" maxsize="[%d.]+" stretchy="false"', 'minsize="%1em" maxsize="%1em" stretchy="true" symmetric="true"')
  m = m:gsub('<mo([^>]*)>([^<]+)</mo>', function (how, bar)
    if (bar == '∥' or bar == '‖') and not how:find('space') then return '<mo lspace="0" rspace="0"' .. how .. '>' .. bar .. '</mo>' end
  end)
  m = m:gsub(' columnalign="center"', ''):gsub('columnalign="right">(.-)<mtd columnalign="left"',
    'columnalign="right" style="text-align: -webkit-right; padding-right: 0">%1<mtd columnalign="left" style="text-align: -webkit-left; padding-left: .2em"')
  m = m:gsub('columnalign="(%a+)">', 'columnalign="%1" style="text-align: -webkit-%1">')
  m = m:gsub('<mo>([^<]*)</mo><mo>=</mo>', function (sign) if SIGN[sign] then return '<mo>' .. sign .. '=</mo>' end end)
  m = m:gsub('<mo([^>]*)>([^<]*)</mo><mo>([^<]*)</mo>', function (how, before, sign)
    if SIGN[sign] and not how:find('postfix') and not CLOSES[before] then
      return ('<mo%s>%s</mo><mo form="prefix">%s</mo>'):format(how, before, sign)
    end
  end)
  m = m:gsub('<mstyle mathvariant="normal">(.-)</mstyle>', function (inner)
    local word = inner:gsub('<mi>(%a)</mi>', '%1')
    if word:match('^%a+$') then return '<mi mathvariant="normal">' .. word .. '</mi>' end
  end)
  m = m:gsub('<mstyle mathvariant="bold"><mn>(%d)</mn></mstyle>', function (digit)
    return '<mn>' .. utf8.char(BOLD + digit) .. '</mn>'
  end)
  return (m:gsub('()<mo>(%a%a+)</mo>()', function (from, name, to)
    local before, after = m:sub(1, from - 1), m:sub(to)
    local limits = before:match('<munder>$')            -- its index stands below: what is around that counts
    if limits then before, after = before:gsub('<munder>$', ''), '' end
    local left = before:match('</mo>$') or before:match('<%a+>$') or before:match('</mspace>$')
    local right = after:match('^<mrow><mo [^>]*prefix') or after:match('^<mo') or after:match('^</')
      or after:match('^<mi>′') or after:match('^<annot') or before:match('<m[su][^>]*>$')
    return ('<mo lspace="%s" rspace="%s">%s</mo>'):format(left and '0' or '.17em', right and '0' or '.17em', name)
  end))
end

-- Skylighting's lines are anchors, and everything has a class: only those that
-- have a look are kept. All links but those to chunks are names.
local LOOK = { kw=true, cf=true, dt=true, co=true, pp=true, st=true, ch=true, vs=true }
local function listing(pre)
  return (pre:gsub('<span id="[^"]*"><a href="#[^"]*" aria%-hidden="true" tabindex="%-1"></a>([^\n]*)</span>', '%1')
    :gsub('<span class="(%l%l)">(.-)</span>', function (class, s) if not LOOK[class] then return s end end)
    :gsub('<a class="ident" ', '<a '):gsub('&quot;', '"'))
end

-- A browser breaks code after a hyphen: `--width`, `a->b` and `mhc-lite` are whole.
local function unbroken(open, code, close)
  if not code:find('-', 1, true) then return end
  return open .. code:gsub('%S+', function (w)
    if w:find('-', 1, true) and #w:gsub('&%a+;', '.') < 34 then return '<span class="unbroken">' .. w .. '</span>' end
  end) .. close
end

local function finished(s)
  return (s:gsub('<math.-</math>', mathml)
    :gsub('(<code>)([^<]*)(</code>)', unbroken)
    :gsub('<div class="sourceCode" id="[^"]*">(<pre.-</pre>)</div>', listing)
    :gsub('<figure.-</figure>', sized)
    :gsub('<th([ >])', '<th scope="col"%1')
    :gsub('<table.-</table>', function (t)
      return '<div class="scroll">' .. t:gsub('([%d.]*%d)e%-(%d+)', '<span class="unbroken">%1e-%2</span>') .. '</div>'
    end))
end

-- From blocks to pieces, from pieces to pages ----------------------------------------

-- A heading without its number and its star, for lists of contents.
local function title(h)
  return pandoc.List(h.content):filter(function (x) return not (x.t == 'Span' and (x.classes[1] == 'n' or x.classes[1] == 'off')) end)
end
local function plain(inlines) return html{pandoc.Plain(inlines)} end

-- A piece begins with a heading of level 1, 2 or 3.
local function pieces(blocks)
  local list, piece, number = pandoc.List(), nil, ''
  local function begin(level, h)
    piece = {level=level, id=h and h.identifier or '', title=h and mathml(plain(title(h))) or '', blocks=pandoc.List(),
             number=h and h.attributes['data-number'] or '', part=h and h.attributes['data-part'],
             off=h and h.classes:includes('optional'), brief=h and h.classes:includes('brief')}
    number = piece.number ~= '' and piece.number or level == 1 and words(piece.title) or number
    piece.place = number                       -- for the index of terms
    list:insert(piece)
  end
  begin(0)
  for _, b in ipairs(blocks) do
    if b.t == 'Header' then
      if b.level <= 3 then begin(b.level, b) end
      if b.identifier ~= '' then
        b.content:insert(pandoc.RawInline('html',
          ('<a class="anchor" href="#%s" aria-label="link to this heading">¶</a>'):format(b.identifier)))
      end
    end
    piece.blocks:insert(b)
  end
  return list
end

-- An index: its items by letter, and a bar of the letters.
local INDEX = { nwterms=true, nwchunks=true, nwindex=true, nwtests=true }
local function isindex(b) return b.t == 'Div' and INDEX[b.identifier] and b.content[1] and #b.content[1].content > 0 end

local function letters(items)
  local list, at = {}, {}
  for _, item in ipairs(items) do
    local what = text(item[1])
    local l = what:match('^\u{2003}') and list.last or what:match('%a')     -- below its head
    l = l and l:upper() or '#'
    list.last = l
    if not at[l] then at[l] = {name=l, items=pandoc.List()}; table.insert(list, at[l]) end
    at[l].items:insert(item)
  end
  table.sort(list, function (a, b) return a.name < b.name end)
  return list
end

-- The HTML of a piece, without its indexes; and of each index, its letters.
local function render(p)
  local rest = pandoc.List()
  p.indexes = pandoc.List()
  for _, b in ipairs(p.blocks) do
    if isindex(b) then
      local index = {id=b.identifier, letters=letters(b.content[1].content), size=0}
      for _, l in ipairs(index.letters) do
        l.id = ('%s-%s'):format(index.id, l.name:gsub('#', 'sign'))
        l.html = finished(html{pandoc.BulletList(l.items)}):gsub('<ul', '<ul id="' .. l.id .. '"', 1)
        index.size = index.size + #l.html
      end
      p.indexes:insert(index)
    else rest:insert(b) end
  end
  p.html = finished(html(rest))
  p.blocks = nil
end

local function bar(letters)
  local links = {}
  for _, l in ipairs(letters) do table.insert(links, ('<a href="#%s">%s</a>'):format(l.id, l.name)) end
  return '<p class="letters">' .. table.concat(links, ' ') .. '</p>\n'
end

local pages, chapters, files = pandoc.List(), pandoc.List(), {[home]=true}

local function newpage(level, p, name)
  local file, n = name .. '.html', 1
  while files[file] do n = n + 1; file = name .. '-' .. n .. '.html' end
  files[file] = true
  local page = {file=file, level=level, id=p.id, title=p.title, number=p.number, part=p.part, off=p.off, brief=p.brief, body={}, pieces={}}
  pages:insert(page)
  if level == 1 then page.sections = pandoc.List(); chapters:insert(page)
  elseif level > 1 then page.chapter = chapters[#chapters]; page.chapter.sections:insert(page) end
  return page
end

local function add(page, html, p)
  table.insert(page.body, html); table.insert(page.pieces, {html=html, place=p.place})
end

-- On a page, or on several: as many letters as there is room for.
local function addindex(page, p, index, name)
  local function begin(id) return ('<div%s class="index">\n%s'):format(id or '', bar(index.letters)) end
  local whole = index.size <= LIMIT
  local room = whole and LIMIT or LIMIT * 2 / 3
  local body, used, first = {begin(' id="' .. index.id .. '"')}, 0, nil
  local function flush(last)
    if not whole then page.title = p.title .. ': ' .. first .. (last ~= first and '–' .. last or '') end
    table.insert(body, '</div>\n')
    add(page, table.concat(body, '\n'), p)
  end
  for i, l in ipairs(index.letters) do
    if used > 0 and used + #l.html > room then
      flush(index.letters[i - 1].name)
      page = newpage(page.level, p, name .. '-' .. l.name:lower())
      add(page, ('<h%d>%s</h%d>'):format(page.level, p.title, page.level), p)
      body, used, first = {begin()}, 0, nil
    end
    first = first or l.name
    table.insert(body, l.html)
    used = used + #l.html
  end
  flush(index.letters[#index.letters].name)
end

local function filename(p, chapter)
  local id = p.id:gsub('^%l+:', ''):gsub('[^%w_-]', '-')
  if not p.id:find(':') then id = id:gsub('%-%d+$', '') end    -- as pandoc counts its own
  if not chapter or id:sub(1, #chapter + 1) == chapter .. '-' then return id end
  return chapter .. '-' .. id
end

-- Of this piece and those below it.
local function size(list, i)
  local sum, level = #list[i].html, list[i].level
  for k = i + 1, #list do
    if list[k].level <= level then break end
    sum = sum + #list[k].html
    for _, index in ipairs(list[k].indexes) do sum = sum + index.size end
  end
  return sum
end

-- A short chapter whose sections have no numbers is one page, as the preface.
local function paginate(list)
  local chapter, page, name, short
  for i, p in ipairs(list) do
    if p.level == 0 then page = {file=home, level=0, id='', title='', body={}, pieces={}, number=''}; pages:insert(page)
    elseif p.level == 1 then
      chapter = filename(p)
      name, short = chapter, size(list, i) < SHORT
      page = newpage(1, p, name)
    elseif p.level == 2 and (p.number ~= '' or not short) then
      name = filename(p, chapter)
      page = newpage(2, p, name)
      page.split = size(list, i) > LIMIT
    elseif p.level == 3 and (page.split or page.level == 3) then       -- a page of its own
      name = filename(p, chapter)
      page = newpage(3, p, name)
    end
    add(page, p.html, p)
    for _, index in ipairs(p.indexes) do addindex(page, p, index, name) end
  end
end

-- Links to the page that holds their target; index entries as section numbers.
local where, place = {}, {}
local function findtargets()
  for _, page in ipairs(pages) do
    for _, piece in ipairs(page.pieces) do
      for id in piece.html:gmatch('<[^<>]- id="([^"]*)"') do where[id], place[id] = page.file, piece.place end
    end
  end
end

local function url(to, page)
  local f = where[to]
  return (f and f ~= page.file and f or '') .. '#' .. to
end
local function relink(page, s)
  -- In an entry of the index each section once.
  local said
  s = s:gsub('(,? ?)<a href="#([^"]*)" class="place">%*</a>', function (comma, to)
    local section = place[to] or '?'
    if comma ~= ', ' then said = {} elseif said[section] then return '' end
    said[section] = true
    return ('%s<a href="%s" class="place">%s</a>'):format(comma, url(to, page), section)
  end)
  return (s:gsub('href="#([^"]*)"', function (to) return 'href="' .. url(to, page) .. '"' end))
end

-- The parts of a page ------------------------------------------------------------------

local function numbered(p) return ('<span class="n">%s</span>%s'):format(p.number, p.title) end
local function item(p, page)
  return ('<a href="%s"%s>%s%s</a>'):format(p.file, p == page and ' aria-current="page"' or '', numbered(p),
    p.off and '<span class="off" title="off the semester\'s path">*</span>' or '')
end

-- The chapters; with the sections of all of them but those with .brief, or of the
-- one that is open.
local function contents(page, all)
  local out = {'<ul>'}
  local open = page.chapter or page
  for _, c in ipairs(chapters) do
    if c.part then table.insert(out, ('<li class="part">Part %s</li>'):format((c.part:gsub('&', '&amp;')))) end
    table.insert(out, ('<li%s>%s'):format(c == open and ' class="here"' or '', item(c, page)))
    if #c.sections > 0 and (all and not c.brief or c == open) then
      table.insert(out, '<ul>')
      for _, s in ipairs(c.sections) do
        table.insert(out, ('<li%s>%s</li>'):format(s.level > 2 and ' class="sub"' or '', item(s, page)))
      end
      table.insert(out, '</ul>')
    end
    table.insert(out, '</li>')
  end
  table.insert(out, '</ul>')
  return table.concat(out, '\n')
end

-- On a chapter's page, its sections.
local function inside(page)
  local out = {}
  for _, s in ipairs(page.sections or {}) do table.insert(out, ('<li>%s</li>'):format(item(s))) end
  return #out > 0 and '<ul>' .. table.concat(out, '\n') .. '</ul>'
end

local function raw(s) return pandoc.MetaBlocks{pandoc.RawBlock('html', s)} end
local function entry(p)
  return p and pandoc.MetaMap{url=pandoc.MetaString(p.file), title=pandoc.MetaInlines{pandoc.RawInline('html', numbered(p))}} or false
end

-- The heading that a page begins with is its <h1>.
local function raised(page, s)
  if page.level < 2 then return s end
  return (s:gsub('(</?h)(%d)', function (h, level) return h .. math.max(1, tonumber(level) - page.level + 1) end))
end

-- A picture that moves stands at the end of the section that it shows.
local MOVING = { ['sec:choose']='sampling', ['sec:sinkhorn-two']='sinkhorn', ['sec:best-block']='recompute', ['sec:pairs']='pairs' }
local function moving(page)
  local f = MOVING[page.id] and io.open(here .. 'moving-' .. MOVING[page.id] .. '.html')
  if not f then return '' end
  local s = f:read('a'); f:close()
  return s
end

local function write(doc, i)
  local page, meta = pages[i], doc.meta
  local front, name = page.level == 0, text(meta.title or '')
  meta.home = home
  meta.front = front
  meta.kind = front and 'front' or page.level == 1 and 'chapter' or 'section'
  meta.nav = raw(contents(page, front))
  local list = inside(page)
  meta.inside = list and raw(list) or false
  meta.chapter = entry(page.chapter)
  meta.previous, meta.next = entry(i > 2 and pages[i - 1]), entry(pages[i + 1])
  local short = words(page.title)
  if page.number ~= '' then short = page.number .. ' ' .. short end
  meta.pagetitle = pandoc.MetaString(short == '' and name or short .. ' – ' .. name)
  local body = raised(page, table.concat(page.body, '\n')) .. moving(page)
  return pandoc.Pandoc({pandoc.RawBlock('html', relink(page, body))}, meta)
end

-- For searching ---------------------------------------------------------------------------

local function quoted(s) return '"' .. s:gsub('^%s+', ''):gsub('%s+$', ''):gsub('[\\"]', '\\%0'):gsub('%c', ' '):gsub('\u{E000}', '') .. '"' end
local function short(s) return #s > 120 and s:sub(1, 120):gsub('%S*$', '') .. '…' or s end
local SHORTEST, OFTEN = 4, 0.25                -- letters; of the pages

-- {kind, what, page, where on it}: sections, terms, names, figures, tables, labs.
-- And for each word of the prose, on which pages it is.
local function search()
  local entries, index, seen = {}, {}, {}
  local function put(kind, what, k, id)
    local key = kind .. what
    if what == '' or seen[key] then return end
    seen[key] = true
    table.insert(entries, ('[%s,%s,%d,%s]'):format(quoted(kind), quoted(what), k - 1, quoted(id)))
  end
  local at = {}
  for k, page in ipairs(pages) do at[page.file] = k end
  for k, page in ipairs(pages) do
    local s = table.concat(page.body, '\n')
    if page.level > 0 then put('section', words(numbered(page):gsub('</span>', ' ')):gsub('^ ', ''), k, '') end
    for id, h in s:gmatch('<h[3-6] [^>]-id="([^"]*)"[^>]*>(.-)<a class="anchor"') do put('section', words(h), k, id) end
    for id, t in s:gmatch('<span id="(term%-[^"]*)" class="term">(.-)</span>') do put('term', words(t), k, id) end
    for id, t in s:gmatch('<div id="([^"]*)" class="chunk">.-class="head">(.-)\u{A0}%+?≡') do put('chunk', words(t), k, id) end
    for id, t in s:gmatch('<figure id="([^"]*)".-<figcaption>(.-)</figcaption>') do put('figure', short(words(t)), k, id) end
    for id, t in s:gmatch('<table id="([^"]*)".-<caption>(.-)</caption>') do put('table', short(words(t)), k, id) end
    for id, t in s:gmatch('<div id="(lab:[^"]*)".-<b>(.-)</b>') do put('lab', words(t), k, id) end
    for index, list in s:gmatch('<ul id="(%l+)%-[^"]*">(.-)</ul>') do
      for id, t in list:gmatch('<a href="#([^"]*)" class="ident"><code>(.-)</code>') do
        if where[id] then put(index == 'nwtests' and 'test' or 'name', words(t), at[where[id]], id) end
      end
    end
    if not s:find('class="index"', 1, true) then
      for w in words(s:gsub('<pre.-</pre>', ' '):gsub('<math.-</math>', ' '):gsub('</[pdlths]', ' %0')):lower():gmatch('%a[%a-]+') do
        local list = index[w] or {}
        if #w >= SHORTEST and list[#list] ~= k - 1 then table.insert(list, k - 1); index[w] = list end
      end
    end
  end
  local list = {}
  for w, on in pairs(index) do
    if #on <= math.max(1, OFTEN * #pages) then table.insert(list, w .. ' ' .. table.concat(on, ' ')) end
  end
  table.sort(list)
  local titles = pages:map(function (p) return ('[%s,%s]'):format(quoted(p.file), quoted(words(numbered(p):gsub('</span>', ' ')))) end)
  local f = assert(io.open(dir .. 'search.js', 'w'))
  f:write('// Made with the pages; read by book.js.\nvar BOOK = {\npages: [', table.concat(titles, ',\n'), '],\nentries: [',
    table.concat(entries, ',\n'), '],\nwords: ', quoted(table.concat(list, ';')), '};\n')
  f:close()
end

-- Numbers below each other end below each other.
local function Table(t)
  local body = t.bodies[1] and t.bodies[1].body or {}
  for k, spec in ipairs(t.colspecs) do
    local all = #body > 1 and spec[1] == 'AlignDefault'
    for _, row in ipairs(body) do
      local cell = row.cells[k] and text(row.cells[k].contents) or ''
      all = all and cell:match('%d') and not cell:gsub('−', '-'):match('[^%d%s.,:e%%/+-]')
    end
    if all then t.colspecs[k] = {'AlignRight', spec[2]} end
  end
  return t
end

function Pandoc(doc)
  local list = pieces(pandoc.walk_block(pandoc.Div(doc.blocks), {Table=Table}).content)
  for _, p in ipairs(list) do render(p) end
  paginate(list)
  findtargets()
  -- What the book says of itself on the first page: links lead to its chapters.
  if doc.meta.about then
    local about = pandoc.walk_block(pandoc.Div(doc.meta.about), {Link = function (l)
      local to = l.target:match('^#(.*)')
      if to and not where[to] then return l.content end
    end})
    doc.meta.about = raw(relink(pages[1], html(about.content)))
  end
  search()
  for i = 2, #pages do
    local out = assert(io.open(dir .. pages[i].file, 'w'))
    out:write(pandoc.write(write(doc, i), 'html5', PANDOC_WRITER_OPTIONS))
    out:close()
  end
  return write(doc, 1)
end
