-- pages.lua: a pandoc filter that writes an HTML book as one page a chapter.
-- Every page goes through the template given with -s, beside the output file.

local dir = PANDOC_STATE.output_file:match('^(.*/)') or ''
local home = PANDOC_STATE.output_file:match('([^/]*)$')
local text = pandoc.utils.stringify

-- A heading without its number, for lists of contents.
local function title(h)
  return pandoc.List(h.content):filter(function (x) return not (x.t == 'Span' and x.classes[1] == 'n') end)
end

local function split(blocks)
  local pages = {{file=home, blocks=pandoc.List(), sections={}}}
  for _, b in ipairs(blocks) do
    if b.t == 'Header' and b.level == 1 then
      table.insert(pages, {head=b, number=b.attributes['data-number'] or '', sections={},
        file=b.identifier:gsub('^%l+:', '') .. '.html', blocks=pandoc.List()})
    elseif b.t == 'Header' and b.level == 2 then table.insert(pages[#pages].sections, b) end
    pages[#pages].blocks:insert(b)
  end
  return pages
end

-- In which page, and which section, does each target stand?
local function findtargets(pages)
  local where, section = {}, {}
  for _, p in ipairs(pages) do
    local here = p.number ~= '' and p.number or p.head and text(title(p.head)) or ''
    local function id(x)
      if x.identifier and x.identifier ~= '' then where[x.identifier], section[x.identifier] = p.file, here end
    end
    local function rawid(r) for i in r.text:gmatch(' id="([^"]*)"') do where[i], section[i] = p.file, here end end
    for _, b in ipairs(p.blocks) do
      if b.t == 'Header' and b.attributes['data-number'] then here = b.attributes['data-number'] end
      pandoc.walk_block(pandoc.Div{b}, {Header=id, Div=id, Span=id, Image=id, Table=id,
        CodeBlock=id, RawBlock=rawid, RawInline=rawid})
    end
  end
  return where, section
end

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

-- Pandoc's MathML as browsers understand it: no styles on groups, and space
-- around the names of functions as in print.
local BOLD = 0x1D7CE                           -- a bold 0
local function mathml(html)
  return (html:gsub('<math.-</math>', function (m)
    m = fences(m):gsub('<mo>ℓ</mo>', '<mi>ℓ</mi>')
    m = m:gsub('<mstyle mathvariant="normal">(.-)</mstyle>', function (inner)
      local word = inner:gsub('<mi>(%a)</mi>', '%1')
      if word:match('^%a+$') then return '<mi mathvariant="normal">' .. word .. '</mi>' end
    end)
    m = m:gsub('<mstyle mathvariant="bold"><mn>(%d)</mn></mstyle>', function (digit)
      return '<mn>' .. utf8.char(BOLD + digit) .. '</mn>'
    end)
    return (m:gsub('()<mo>(%a%a+)</mo>()', function (from, name, to)
      local before, after = m:sub(1, from - 1), m:sub(to)
      local left = before:match('</mo>$') or before:match('<%a+>$') or before:match('</mspace>$')
      local right = after:match('^<mrow><mo [^>]*prefix') or after:match('^<mo') or after:match('^</')
        or after:match('^<mi>′') or after:match('^<annot') or before:match('<m[su][^>]*>$')
      return ('<mo lspace="%s" rspace="%s">%s</mo>'):format(left and '0' or '.17em', right and '0' or '.17em', name)
    end))
  end))
end

-- Links to the page that holds their target; index entries as section numbers.
local function relink(p, where, section)
  local function url(to)
    local f = where[to]
    return (f and f ~= p.file and f or '') .. '#' .. to
  end
  local function link(l)
    local to = l.target:match('^#(.*)')
    if not to then return end
    if l.classes:includes('place') then l.content = {pandoc.Str(section[to] or '?')} end
    l.target = url(to)
    return l
  end
  local function raw(r)
    r.text = r.text:gsub('href="#([^"]*)"', function (to) return 'href="' .. url(to) .. '"' end)
    if r.text:match('<figure') then r.text = sized(r.text) end
    return r
  end
  return pandoc.walk_block(pandoc.Div(p.blocks), {Link=link, RawBlock=raw, RawInline=raw}).content
end

local function entry(p, here)
  local sections = pandoc.List()
  for _, s in ipairs(p.sections) do
    sections:insert(pandoc.MetaMap{ title=pandoc.MetaInlines(title(s)), url=pandoc.MetaString(p.file .. '#' .. s.identifier),
      number=pandoc.MetaString(s.attributes['data-number'] or '') })
  end
  return pandoc.MetaMap{ title=pandoc.MetaInlines(title(p.head)), url=pandoc.MetaString(p.file),
    number=pandoc.MetaString(p.number), here=pandoc.MetaBool(p == here), section=pandoc.MetaList(sections) }
end

local function metadata(doc, pages, i)
  local meta, p, nav = doc.meta, pages[i], pandoc.List()
  for k = 2, #pages do nav:insert(entry(pages[k], p)) end
  meta.nav = pandoc.MetaList(nav)
  meta.home = pandoc.MetaString(home)
  meta.front = pandoc.MetaBool(i == 1)
  meta.previous = i > 2 and entry(pages[i - 1], p) or pandoc.MetaBool(false)
  meta.next = pages[i + 1] and entry(pages[i + 1], p) or pandoc.MetaBool(false)
  meta.pagetitle = pandoc.MetaString((p.head and text(title(p.head)) .. ' - ' or '') .. text(meta.title))
  return meta
end

function Pandoc(doc)
  local pages = split(doc.blocks)
  local where, section = findtargets(pages)
  for _, p in ipairs(pages) do p.blocks = relink(p, where, section) end
  for i = 2, #pages do
    local out = assert(io.open(dir .. pages[i].file, 'w'))
    out:write(mathml(pandoc.write(pandoc.Pandoc(pages[i].blocks, metadata(doc, pages, i)), 'html5', PANDOC_WRITER_OPTIONS)))
    out:close()
  end
  return pandoc.Pandoc(pages[1].blocks, metadata(doc, pages, 1))
end
