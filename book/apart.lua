-- apart.lua: part of book.lua. What stands apart from the running text:
-- exercises, labs and their answers, figures, tables, side notes, epigraphs,
-- and the index of terms.

return function (book, numbers)

local raw, rawblock = book.raw, book.rawblock

-- Exercises, labs, answers ---------------------------------------------------

local answers = pandoc.List()
local answered = {}                           -- id of an exercise or lab -> true

local function findanswer(d)
  local id = d.attributes['for'] or ''
  if not d.classes:includes('answer') then return end
  local t = numbers.target[id]
  if not t or (t.kind ~= 'ex' and t.kind ~= 'lab') then
    book.complain('for="' .. id .. '"', 'answer for unknown exercise ' .. id)
  else answered[id] = true end
end

-- A block begins with LaTeX that must not end its first paragraph.
local function runin(d, latex)
  local first = d.content[1]
  if first and (first.t == 'Para' or first.t == 'Plain') then first.content:insert(1, raw(latex))
  else d.content:insert(1, rawblock(latex .. '\\leavevmode')) end
end

local function exercise(d)
  local a = d.attributes
  if book.latex then
    runin(d, ('\\begin{exercise}{%s}{%s}{%s}{%s}{%s}'):format(d.identifier, a.number,
      a.level or '', a.time or '', answered[d.identifier] and 'answer:' .. d.identifier or ''))
    d.content:insert(rawblock('\\end{exercise}'))
    return pandoc.Div(d.content)
  end
  local head = ('<div class="head"><b>%s</b> <span class="level">%s</span></div>'):format(a.number,
    a.level and '[' .. a.level .. ']' or '')
  local foot = pandoc.List()
  if a.time then foot:insert(a.time) end
  if answered[d.identifier] then foot:insert(('<a href="#answer:%s">Answer</a>'):format(d.identifier)) end
  d.content:insert(1, rawblock(head))
  if #foot > 0 then d.content:insert(rawblock('<div class="foot">' .. table.concat(foot, ' · ') .. '</div>')) end
  d.attributes = {}
  return d
end

local labs = pandoc.List()

-- What lab.txt says for programs, and the box for readers: its `uses`, and whether
-- real is double; before "Stop here".
local function header(number)
  local uses, double = pandoc.List(), false
  local begin = ('^<<exercises/%02d%%-.*/lab%%.txt>>=$'):format(tonumber(number) or 0)
  for _, file in ipairs(book.sources) do
    local inside = false
    for line in io.lines(file) do
      inside = line:match(begin) or inside and line ~= ''
      if inside then
        for name in (line:match('^uses: *(.*)') or ''):gmatch('%S+') do uses:insert(name) end
        double = double or line == 'real: double'
      end
    end
  end
  return uses, double
end

local function offer(d, number)
  local uses, double = header(number)
  local last = d.content[#d.content]
  local say = pandoc.List()
  if #uses > 0 then
    for word in ('The answer may call'):gmatch('%S+') do say:extend{pandoc.Str(word), pandoc.Space()} end
    for i, name in ipairs(uses) do
      say:insert(book.code(name))
      say:extend{pandoc.Str(i == #uses and '.' or i == #uses - 1 and ' and' or ','), pandoc.Space()}
    end
  end
  if double then
    for word in ('Here real is double.'):gmatch('%S+') do
      say:extend{word == 'real' and book.code(word) or pandoc.Str(word), pandoc.Space()}
    end
  end
  if #say == 0 then return end
  if last and last.t == 'Para' then
    for i = #last.content, 1, -1 do
      if last.content[i].text == 'Stop' then
        for k = #say, 1, -1 do last.content:insert(i, say[k]) end
        return
      end
    end
  end
  book.complain('{.lab #' .. d.identifier, 'a lab ends with a paragraph that has "Stop here"')
end

local function lab(d)
  local a = d.attributes
  local command = ('make lab N=%02d'):format(tonumber(a.number) or 0)
  labs:insert{number=a.number, id=d.identifier, level=a.level, time=a.time}
  offer(d, a.number)
  if book.latex then
    d.content:insert(1, rawblock(('\\begin{lab}{%s}{%s}{%s}{%s}{%s}{%s}'):format(d.identifier, a.number or '',
      a.level or '', a.time or '', command, answered[d.identifier] and 'answer:' .. d.identifier or '')))
    d.content:insert(rawblock('\\end{lab}'))
    return pandoc.Div(d.content)
  end
  d.content:insert(1, rawblock(('<div class="head"><b>Lab %s</b> <span class="level">%s</span>' ..
    '<span class="time">%s</span><code>%s</code></div>'):format(a.number or '', a.level and '[' .. a.level .. ']' or '',
    a.time or '', command)))
  if answered[d.identifier] then
    d.content:insert(rawblock(('<div class="foot"><a href="#answer:%s">Answer</a></div>'):format(d.identifier)))
  end
  d.attributes = {}
  return d
end

local function answer(d)
  local id = d.attributes['for']
  local t = numbers.target[id] or {number='?'}
  local name = t.kind == 'lab' and 'Lab ' .. t.number or t.number
  if book.latex then
    runin(d, ('\\begin{answer}{%s}{%s}'):format(id, name))
    d.content:insert(rawblock('\\end{answer}'))
  else
    d.content:insert(1, rawblock(('<div class="head"><a href="#%s"><b>%s</b></a></div>'):format(id, name)))
    d.identifier, d.attributes = 'answer:' .. id, {}
  end
  answers:insert(d)
  return {}
end

local function aside(d)
  if not book.latex then return end
  d.content:insert(1, rawblock('\\aside{%')); d.content:insert(rawblock('}'))
  return d.content
end

-- What the course edition leaves out, and what its tests ask.
local function gone(d)
  if not book.latex then return end
  return {book.rawblock('\\begin{nwgone}'), d.content[1], book.rawblock('\\end{nwgone}')}
end
local function asked(d)
  if not book.latex then return end
  local out = pandoc.List{book.rawblock('\\begin{nwasked}')}
  for _, item in ipairs(d.content[1].content) do
    item[1].content:insert(1, raw('\\item '))
    out:insert(item[1])
  end
  out:insert(book.rawblock('\\end{nwasked}'))
  return out
end

local function widetable(d)
  if not book.latex then return end
  d.content:insert(1, rawblock('\\begin{widetable}')); d.content:insert(rawblock('\\end{widetable}'))
  return d.content
end

local function div(d)
  if d.classes:includes('exercise') then return exercise(d)
  elseif d.classes:includes('lab') then return lab(d)
  elseif d.classes:includes('answer') then return answer(d)
  elseif d.classes:includes('aside') then return aside(d)
  elseif d.classes:includes('gone') then return gone(d)
  elseif d.classes:includes('asked') then return asked(d)
  elseif d.classes:includes('table-wide') then return widetable(d) end
end

-- The places where the answers, and a list of the labs, are wanted.
local function collected(d)
  if d.identifier == 'nwanswers' then d.content = answers; return d end
  if d.identifier == 'nwlabs' then
    table.sort(labs, function (a, b) return tonumber(a.number) < tonumber(b.number) end)
    d.content = {pandoc.BulletList(labs:map(function (l)
      local rest = (l.level and ' [' .. l.level .. ']' or '') .. (l.time and ', ' .. l.time or '')
      local title = book.titles[tonumber(l.number)]
      local line = pandoc.List{pandoc.Link('Lab ' .. l.number, '#' .. l.id), pandoc.Str((title and ': ' .. title or '') .. rest)}
      if book.latex then line:insert(raw((', p.~\\pageref{%s}'):format(l.id))) end
      return {pandoc.Plain(line)}
    end))}
    return d
  end
end

-- Figures and tables ----------------------------------------------------------

local function figure(p)
  if not numbers.isfigure(p) then return end
  local i = p.content[1]
  local a, id = i.attributes, i.identifier
  local name = id ~= '' and '#' .. id or '](' .. i.src
  if not a.alt or a.alt == '' then book.complain(name, 'this figure has no alt="..." text') end
  if not i.src:match('%.%w+$') and #book.locate('<<' .. i.src .. '.tex>>=') == 0 then
    book.complain('](' .. i.src, 'no chapter has the source <<' .. i.src .. '.tex>>')
  end
  local wide = i.classes:includes('wide')
  local src = i.src:match('%.%w+$') and i.src or i.src .. (book.latex and '.pdf' or '.svg')
  if book.latex then
    return {
      rawblock(('\\begin{figure}[htbp]\\nwnumber{figure}{%s}%s\n\\centering\\nwgraphics{%s}'):format(
        a.number, wide and '\\nwwide' or '', src)),
      rawblock(('\\caption{%s}\\label{%s}\n\\end{figure}'):format(book.write(i.caption), id))}
  end
  local escaped = (a.alt or ''):gsub('&', '&amp;'):gsub('"', '&quot;'):gsub('<', '&lt;')
  local caption = pandoc.List(i.caption)
  caption:insert(1, pandoc.Span({pandoc.Str('Figure ' .. a.number .. '.'), pandoc.Space()}, {class='number'}))
  return {
    rawblock(('<figure id="%s"%s><div class="picture"><img src="%s" alt="%s"/></div><figcaption>'):format(id,
      wide and ' class="wide"' or '', src, escaped)),
    pandoc.Plain(caption), rawblock('</figcaption></figure>')}
end

-- A picture that is left when the figures are done stands in a line of text.
local function stray(i)
  book.complain('](' .. i.src, 'a figure must be a paragraph of its own')
  return pandoc.Str('?')
end

-- How wide is a cell, in letters, and its longest word? A formula's commands
-- count for nothing, nor do those around code, which in LaTeX is raw by now.
local function cellwidth(cell)
  local sum, longest = 0, 0
  local function add(x)
    local text = x.text
    if x.t == 'Math' then text = text:gsub('\\%a+', ''):gsub('[{}^_ ]', '')
    elseif x.t == 'RawInline' and not text:match('^\\nwcode') then return
    elseif x.t == 'RawInline' then text = text:gsub('\\%a+{}', ''):gsub('\\%a+', ''):gsub('[{}\\]', '') end
    local n = utf8.len(text)
    sum, longest = sum + n, math.max(longest, n)
  end
  for _, b in ipairs(cell.contents) do
    if b.t ~= 'Plain' and b.t ~= 'Para' then return 100, 0 end
    pandoc.walk_block(b, {Str=add, Code=add, Math=add, RawInline=add, Space=function () sum = sum + 1 end})
  end
  return sum, longest
end

-- Pandoc breaks the cells of a table whose source has long lines, even if the
-- columns would fit as they are. Then let them be. And if they do not: no column
-- is narrower than its longest word; the widest one gives.
local LETTER, CODE, BETWEEN, TEXT = 4.3, 4.5, 9, 336       -- points, in small type
local function relax(t)
  local widths, words, sum, widest = {}, {}, 0, 1
  local function row(r)
    for i, cell in ipairs(r.cells) do
      local all, longest = cellwidth(cell)
      widths[i], words[i] = math.max(widths[i] or 0, all), math.max(words[i] or 0, longest)
    end
  end
  for _, r in ipairs(t.head.rows) do row(r) end
  for _, body in ipairs(t.bodies) do for _, r in ipairs(body.body) do row(r) end end
  for _, w in ipairs(widths) do sum = sum + LETTER * w + BETWEEN end
  if sum - BETWEEN < TEXT then
    t.colspecs = pandoc.List(t.colspecs):map(function (spec) return {spec[1]} end)
    return
  end
  local specs, room = t.colspecs, TEXT - BETWEEN * (#widths - 1)
  for _, spec in ipairs(specs) do if type(spec[2]) ~= 'number' then return end end
  for i, spec in ipairs(specs) do if spec[2] > specs[widest][2] then widest = i end end
  for i, spec in ipairs(specs) do
    local more = (CODE * words[i] + 2) / room - spec[2]
    if more > 0 and i ~= widest and specs[widest][2] - more > (CODE * words[widest] + 2) / room then
      spec[2], specs[widest][2] = spec[2] + more, specs[widest][2] - more
    end
  end
  t.colspecs = specs
end

-- How many rows has it, how many lines are they, about, and has a cell several?
local function lines(t)
  local sum, rows, prose = 0, 0, false
  for _, body in ipairs(t.bodies) do
    for _, r in ipairs(body.body) do
      local most = 1
      for i, cell in ipairs(r.cells) do
        local width = type(t.colspecs[i][2]) == 'number' and t.colspecs[i][2]
        if width then most = math.max(most, math.ceil(cellwidth(cell) / (85 * width))) end
      end
      sum, rows, prose = sum + most, rows + 1, prose or most > 1
    end
  end
  return rows, sum, prose
end

-- In LaTeX a short table is a box, and the rest may break between its rows.
local function latextable(t, caption, number)
  local out = pandoc.List()
  local rows, count, prose = lines(t)
  local loose = prose and '\\nwloose' or ''
  if number then out:insert(rawblock('\\nwnumber{table}{' .. number .. '}')) end
  if caption and t.identifier ~= '' then caption.content:insert(1, raw('\\label{' .. t.identifier .. '}')) end
  t.identifier = ''
  if rows > 8 or count > 14 then
    local room = ('\\begingroup\\need{%d\\baselineskip}'):format(caption and 9 or 6)
    out:extend{rawblock(room .. loose), t, rawblock('\\endgroup')}
    return out
  end
  if caption then
    caption.content:insert(1, raw('\\nwtablecaption{')); caption.content:insert(raw('}'))
    out:insert(pandoc.Plain(caption.content))
    t.caption.long = {}
  end
  out:extend{rawblock('\\begin{nwtable}' .. loose), t, rawblock('\\end{nwtable}')}
  return out
end

local function captioned(t)
  relax(t)
  local caption, number = t.caption.long[1], t.attributes.number
  t.attributes.number = nil
  if book.latex then return latextable(t, caption, number) end
  if not caption or not number then return end
  caption.content:insert(1, pandoc.Span({pandoc.Str('Table ' .. number .. '.'), pandoc.Space()}, {class='number'}))
  return {rawblock('<div class="table">'), t, rawblock('</div>')}
end

-- Notes in the margin ------------------------------------------------------------

local notes = 0
local function note(n)
  if book.latex then return nil end            -- book.latex turns \footnote around
  notes = notes + 1
  return {raw(('<label class="note" for="n%d"></label><input type="checkbox" id="n%d" class="note" aria-label="show the note"/>'):format(notes, notes)),
          pandoc.Span(pandoc.utils.blocks_to_inlines(n.content), {class='note'})}
end

-- A quotation that opens a chapter is its epigraph.
local function epigraphs(blocks)
  for i = 1, #blocks - 1 do
    if blocks[i].t == 'Header' and blocks[i].level == 1 and blocks[i + 1].t == 'BlockQuote' then
      local q = blocks[i + 1].content
      if book.latex then
        q:insert(1, rawblock('\\begin{epigraph}')); q:insert(rawblock('\\end{epigraph}'))
      end
      blocks[i + 1] = pandoc.Div(q, {class='epigraph'})
    end
  end
  return blocks
end

-- [softmax]{.term}: in italics where it is explained, and in the index.
local places = {}                              -- entry of the index -> ids; ! is where it is explained
local function place(name, defines)
  local list = places[name] or {}
  places[name] = list
  local id = ('term-%s-%d'):format(name:gsub('%W', '-'), #list + 1)
  table.insert(list, (defines and '!' or '') .. id)
  return id
end
local function term(s)
  if not s.classes:includes('term') then return end
  local id = place(s.attributes.as or pandoc.utils.stringify(s), true)
  if book.latex then return {raw(('\\nwanchor{%s}'):format(id)), pandoc.Emph(s.content)} end
  return pandoc.Span(pandoc.Emph(s.content), {id=id, class='term'})
end

-- A term at the beginning of a sentence has its capital letter from there.
local function termcase(list)
  local start = true
  for _, x in ipairs(list) do
    if x.t == 'Span' and x.classes:includes('term') and not x.attributes.as then
      local name = pandoc.utils.stringify(x)
      if start and name:match('^%u[%l-]') then x.attributes.as = name:sub(1, 1):lower() .. name:sub(2) end
    end
    if x.t == 'Str' then start = x.text:match('[.?!:]$')
    elseif x.t ~= 'Space' and x.t ~= 'SoftBreak' and x.t ~= 'RawInline' then start = false end
  end
  return list
end

-- The other entries of the index: book/subjects.txt has the words by which the
-- paragraphs are found that speak of them.
local phrases, see = {}, {}                    -- first word -> {{words, entry}, ...}; entry -> entry
local function root(word)
  word = word:lower():gsub('^[^%w\128-\255]+', ''):gsub('[^%w\128-\255]+$', ''):gsub('’s$', ''):gsub("'s$", '')
  return #word > 3 and word:gsub('([^s])s$', '%1') or word
end
local function readsubjects(name)
  for line in io.lines(name) do
    local entry, sign, list = line:match('^([^#=>]*[^#=> ]) *([=>]?) *([^=>]*)$')
    if sign == '>' then see[entry] = list
    elseif entry then
      for phrase in (list ~= '' and list or entry):gmatch('[^|]+') do
        local words = {entry=entry}
        for w in phrase:gmatch('%S+') do table.insert(words, root(w)) end
        phrases[words[1]] = phrases[words[1]] or {}
        table.insert(phrases[words[1]], words)
      end
    end
  end
end

-- The words of a paragraph, each with the number of the inline it stands in; what is
-- no word parts those around it.
local function wordsof(inlines, at, out)
  for i, x in ipairs(inlines) do
    if x.t == 'Str' then table.insert(out, {root(x.text), at or i, x.text:match('[,.;:?!)]$')})
    elseif x.t == 'Emph' or x.t == 'Strong' or x.t == 'Span' or x.t == 'Quoted' then wordsof(x.content, at or i, out)
    elseif x.t ~= 'Space' and x.t ~= 'SoftBreak' then table.insert(out, {'', i}) end
  end
  return out
end
-- entry -> {how often, the first inline}
local function subjectsof(inlines)
  local words, found = wordsof(inlines, nil, {}), {}
  for i, w in ipairs(words) do
    for _, p in ipairs(phrases[w[1]] or {}) do
      local same = true
      for k = 2, #p do same = same and words[i + k - 1] and words[i + k - 1][1] == p[k] and not words[i + k - 2][3] end
      if same then
        local f = found[p.entry] or {0, w[2]}
        f[1] = f[1] + 1
        found[p.entry] = f
      end
    end
  end
  return found
end

local function paragraphs(blocks, f)
  local repeats = false
  for _, b in ipairs(blocks) do
    if b.t == 'Header' and b.level == 1 then repeats = b.identifier == 'app:handouts' end
    if repeats then                            -- what the labs say
    elseif b.t == 'Header' or b.t == 'Plain' or b.t == 'Para' and not numbers.isfigure(b) then f(b)
    elseif b.t == 'Div' and not b.classes:includes('chunk') then b.content = paragraphs(b.content, f)
    elseif b.t == 'BulletList' or b.t == 'OrderedList' then
      local items = b.content
      for i, item in ipairs(items) do items[i] = paragraphs(item, f) end
      b.content = items
    end
  end
  return blocks
end

-- Of an entry, the paragraphs that say it most often, and those below a heading that
-- has it, as many as there is room for.
local MOST, HEADING = 8, 100
local function subjects(body)
  readsubjects(book.subjects)
  local at, all, heading = 0, {}, {}
  local function look(b)
    local found = subjectsof(b.content)
    if b.t == 'Header' then heading = found; return end
    at = at + 1
    for entry in pairs(heading) do found[entry] = {HEADING, 1} end
    heading = {}
    for entry, f in pairs(found) do
      all[entry] = all[entry] or {}
      table.insert(all[entry], {at=at, often=f[1], inline=f[2]})
    end
  end
  local blocks = paragraphs(body.content, look)
  local marks = {}                             -- paragraph -> {{inline, entry}, ...}
  for entry, list in pairs(all) do
    table.sort(list, function (a, b) if a.often ~= b.often then return a.often > b.often end return a.at < b.at end)
    for i = 1, math.min(#list, MOST) do
      local p = list[i]
      marks[p.at] = marks[p.at] or {}
      table.insert(marks[p.at], {p.inline, entry})
    end
  end
  if book.complete then
    for _, list in pairs(phrases) do
      for _, p in ipairs(list) do
        if not all[p.entry] then book.complain(book.subjects .. ': ' .. p.entry, 'nothing in the book speaks of it') end
      end
    end
  end
  at = 0
  body.content = paragraphs(blocks, function (b)
    if b.t == 'Header' then return end
    at = at + 1
    local list, inlines = marks[at], b.content
    if not list then return end
    table.sort(list, function (a, b) if a[1] ~= b[1] then return a[1] > b[1] end return a[2] < b[2] end)
    for _, m in ipairs(list) do
      local id = place(m[2])
      inlines:insert(m[1], book.latex and raw(('\\nwanchor{%s}'):format(id)) or pandoc.Span({}, {id=id}))
    end
    b.content = inlines
  end)
  return body
end

-- A line of the index. "gradient, of the norm" stands below "gradient".
local function termline(name, below)
  local shown = below and name:sub(#below + 3) or name
  local line = pandoc.List{pandoc.Str(shown)}
  if book.latex then line:insert(1, raw(below and '\\subitem ' or '\\item '))
  elseif below then line:insert(1, pandoc.Str('\u{2003}')) end
  if see[name] then line:extend{pandoc.Str(', '), pandoc.Emph(pandoc.Str('see')), pandoc.Str(' ' .. see[name])}
  elseif places[name] and book.latex then line:insert(raw(' \\nwpages{' .. table.concat(places[name], ',') .. '}'))
  else
    for i, id in ipairs(places[name] or {}) do       -- pages.lua puts the section's number
      line:extend{pandoc.Str(i > 1 and ', ' or ' '), pandoc.Link('*', '#' .. id:gsub('!', ''), '', {class='place'})}
    end
  end
  return line
end

local function termindex(d)
  if d.identifier ~= 'nwterms' then return end
  local names, parts = pandoc.List(), {}
  for name in pairs(places) do names:insert(name) end
  for name in pairs(see) do
    if places[see[name]] and not places[name] then names:insert(name) end
  end
  for _, name in ipairs(names) do
    local head = name:match('^(.-), ')
    if head then parts[head] = (parts[head] or 0) + 1 end
  end
  for head, n in pairs(parts) do
    if n > 1 and not places[head] then names:insert(head) end
  end
  local function key(s) return (s:lower():gsub('^[^%w]+', ''):gsub(', ', '\1')) end
  table.sort(names, function (a, b) return key(a) < key(b) end)
  local lines = names:map(function (name)
    local head = name:match('^(.-), ')
    return {pandoc.Plain(termline(name, head and (parts[head] > 1 or places[head]) and head))}
  end)
  d.content = pandoc.List{pandoc.BulletList(lines)}
  if book.latex then
    d.content = pandoc.List{rawblock('\\begin{nwindex}{nwterms}')}
    for _, l in ipairs(lines) do d.content:extend(l) end
    d.content:insert(rawblock('\\end{nwindex}'))
  end
  return d
end

return { findanswer=findanswer, div=div, collected=collected, figure=figure, stray=stray, captioned=captioned,
         note=note, epigraphs=epigraphs, term=term, termcase=termcase, subjects=subjects, termindex=termindex }
end
