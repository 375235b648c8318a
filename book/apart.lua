-- apart.lua: part of book.lua. What stands apart from the running text:
-- exercises, labs and their answers, figures, tables, side notes and epigraphs.

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

-- Before "Stop here" a box says what lab.txt says for programs.
local function offer(d, number)
  local last = d.content[#d.content]
  local say = book.allowed(tonumber(number) or 0, book.code)
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
      local title = book.title(tonumber(l.number))
      local line = pandoc.List{pandoc.Link('Lab ' .. l.number, '#' .. l.id), pandoc.Str((title ~= '' and ': ' .. title or '') .. rest)}
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

return { findanswer=findanswer, div=div, collected=collected, figure=figure, stray=stray, captioned=captioned,
         note=note, epigraphs=epigraphs }
end
