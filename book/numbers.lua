-- numbers.lua: part of book.lua. Numbers chapters, sections, figures, tables,
-- equations, exercises and labs in the order of the book, and makes references
-- of [@ch:x], [@app:x], [@sec:x], [@fig:x], [@tbl:x], [@eq:x], [@ex:x] and
-- [@lab:x]. The numbers are given here, for the PDF as for the web pages.

return function (book)

local KIND = { ch='Chapter', app='Appendix', sec='Section', fig='Figure', tbl='Table',
               eq='Equation', ex='Exercise', lab='Lab' }
local target = {}                             -- id -> {kind=, number=}
local chapters, letters, chapter = 0, 0, ''   -- counted so far; the current number
local counts, sections = {}, {}               -- in the chapter
local labs = {}                               -- number -> id

local function define(id, kind, number)
  if id == '' then return end
  if target[id] then book.complain('{#' .. id, id .. ' is defined twice')
  elseif KIND[id:match('^(%l+):')] and id:match('^(%l+):') ~= kind and not (kind == 'app' and id:match('^ch:')) then
    book.complain('#' .. id, id .. ' does not name a ' .. KIND[kind]:lower())
  end
  target[id] = {kind=kind, number=number}
end

local function nextnumber(id, kind)
  counts[kind] = (counts[kind] or 0) + 1
  local number = chapter .. '.' .. counts[kind]
  define(id, kind, number)
  return number
end

-- Chapters and sections -------------------------------------------------------

local function countheader(h)
  local bare = h.classes:includes('unnumbered')
  if h.level == 1 then
    counts, sections = {}, {}
    if bare then chapter = ''; return end
    if h.classes:includes('appendix') then
      letters = letters + 1; chapter = string.char(64 + letters)
      define(h.identifier, 'app', chapter)
    else
      if not h.classes:includes('zero') then chapters = chapters + 1 end
      chapter = tostring(chapters)
      define(h.identifier, 'ch', chapter)
    end
    h.attributes.number = chapter
  elseif h.level <= 3 and not bare and chapter ~= '' then
    sections[h.level] = (sections[h.level] or 0) + 1
    if h.level == 2 then sections[3] = nil end
    local number = chapter .. '.' .. (sections[2] or 0) .. (h.level == 3 and '.' .. sections[3] or '')
    define(h.identifier, 'sec', number)
    h.attributes.number = number
  end
end

local COMMAND = { 'chapter', 'section', 'subsection', 'subsubsection' }
local inappendix = false

-- Below a heading with .optional we are off the semester's path; so is all that
-- stands behind the chapters. For make ledger, which counts the pages of the path.
local off, said                                -- the heading's level; what was said last
local function path(h)
  if inappendix then off = 0
  elseif off and h.level <= off then off = nil end
  if not off and h.classes:includes('optional') then off = h.level end
  if said == (off ~= nil) then return '' end
  said = off ~= nil
  return ('\\nwoff{%d}\n'):format(said and 1 or 0)
end

-- The heading itself, when everything is counted.
local function header(h)
  local number, part = h.attributes.number, h.attributes.part
  h.attributes.number, h.attributes.part = nil, nil
  if not book.latex then
    if number then
      h.content:insert(1, pandoc.Span({pandoc.Str(number)}, {class='n'}))
      h.attributes['data-number'] = number
    end
    h.attributes['data-part'] = part           -- for the list of contents
    if h.classes:includes('optional') then
      h.content:insert(pandoc.Span({pandoc.Str('*')}, {class='off', title="off the semester's path"}))
    end
    return h
  end
  local title, start = book.write(h.content), ''
  if h.level == 1 and h.classes:includes('appendix') and not inappendix then
    start, inappendix = '\\appendix\n', true
  end
  start = path(h) .. start
  if h.classes:includes('optional') then title = title .. '\\nwstar' end
  local command = '\\' .. (COMMAND[h.level] or 'paragraph')
  if not number and h.level <= 2 then command = h.level == 1 and '\\addchap' or '\\section*' end
  if not number and h.level == 3 and h.classes:includes('unnumbered') then command = '\\subsection*' end
  if part then start = ('%s\\addtocontents{toc}{\\protect\\nwpart{%s}}\n'):format(start, part) end
  if number then start = ('%s\\nwnumber{%s}{%s}'):format(start, COMMAND[h.level], number) end
  return book.rawblock(('%s%s{%s}\\label{%s}'):format(start, command, title, h.identifier))
end

-- Equations: `$$ ... $$ {#eq:id}' ----------------------------------------------

local function findequations(inlines)
  for i = #inlines, 1, -1 do
    local m = inlines[i]
    local j = i + 1
    while inlines[j] and (inlines[j].t == 'Space' or inlines[j].t == 'SoftBreak') do j = j + 1 end
    local id, after
    if inlines[j] and inlines[j].t == 'Str' then id, after = inlines[j].text:match('^{#(eq:[^}]*)}(.*)$') end
    if m.t == 'Math' and m.mathtype == 'DisplayMath' and id then
      for _ = i + 1, j do inlines:remove(i + 1) end
      inlines[i] = pandoc.Span({m}, {id=id, class='equation'})
      if after ~= '' then inlines:insert(i + 1, pandoc.Str(after)) end
    end
  end
  return inlines
end

local function equation(s)
  if not s.classes:includes('equation') then return end
  local number, m = nextnumber(s.identifier, 'eq'), s.content[1]
  if book.latex then
    return book.raw(('\\begin{equation}\\tag{%s}\\label{%s}%s\\end{equation}'):format(
      number, s.identifier, m.text:gsub('^%s+', ''):gsub('%s+$', '')))
  end
  s.content = {m, pandoc.Span('(' .. number .. ')', {class='eqno'})}
  return s
end

-- Blocks ------------------------------------------------------------------------

local function isfigure(b)
  return b.t == 'Para' and #b.content == 1 and b.content[1].t == 'Image' and b.content[1].title:match('^fig:')
end

-- A lab's number is its author's: it is the N of `make lab N=03'.
local function countlab(d)
  local n = tonumber(d.attributes.n)
  local at = '#' .. d.identifier
  if not d.identifier:match('^lab:') then book.complain('.lab', 'a lab needs a name, as in {.lab #lab:x n=03}') end
  if not n then return book.complain(at, 'this lab has no number, as in n=03') end
  if labs[n] then book.complain(at, ('lab %d is also the number of %s'):format(n, labs[n])) end
  labs[n] = d.identifier
  d.attributes.number = ('%d'):format(n)
  define(d.identifier, 'lab', d.attributes.number)
  if target[d.identifier] then target[d.identifier].time = d.attributes.time end
end

local function counttable(t)
  local caption = t.caption.long[1]
  if not caption then return end
  local last = caption.content[#caption.content]
  local id = last and last.t == 'Str' and last.text:match('^{#(tbl:[^}]*)}$') or ''
  if id ~= '' then
    caption.content:remove()
    if caption.content[#caption.content].t:match('Space$') or caption.content[#caption.content].t == 'SoftBreak' then
      caption.content:remove()
    end
  end
  t.identifier = id
  t.attributes.number = nextnumber(id, 'tbl')
end

local count

local function countblock(b)
  if b.t == 'Header' then countheader(b)
  elseif b.t == 'Table' then counttable(b)
  elseif isfigure(b) then
    b.content[1].attributes.number = nextnumber(b.content[1].identifier, 'fig')
  elseif b.t == 'Para' or b.t == 'Plain' then
    b.content = findequations(b.content)
    return pandoc.walk_block(b, {Span=equation})
  elseif b.t == 'Div' then
    if b.classes:includes('exercise') then b.attributes.number = nextnumber(b.identifier, 'ex') end
    if b.classes:includes('lab') then countlab(b) end
    count(b.content)
  elseif b.t == 'BlockQuote' then count(b.content)
  elseif b.t == 'BulletList' or b.t == 'OrderedList' then
    for _, item in ipairs(b.content) do count(item) end
  end
  return b
end

-- In the order of the book.
function count(blocks)
  for i, b in ipairs(blocks) do blocks[i] = countblock(b) end
end

-- References, in pandoc-crossref's notation: [@fig:x], [-@fig:x] --------------

local keys = {}                               -- of the bibliography

local function readkeys(file)
  local f = io.open(file)
  if not f then return end
  for key in f:read('a'):gmatch('@%a+{%s*([^%s,]+)%s*,') do keys[key] = true end
  f:close()
end

local function one(c, kind)
  local t = target[c.id]
  if not t then
    book.complain('@' .. c.id, 'reference to unknown ' .. c.id)
    return pandoc.Str('?')
  end
  local number = t.kind == 'eq' and '(' .. t.number .. ')' or t.number
  local name = c.mode == 'SuppressAuthor' and '' or KIND[t.kind] .. '\u{A0}'
  if book.absent[c.id] then return pandoc.Str(name .. number .. ' (web)') end
  if book.latex then
    return book.raw(('\\hyperref[%s]{%s%s}'):format(c.id, name:gsub('\u{A0}', '~'), number))
  end
  return pandoc.Link(name .. number, '#' .. c.id)
end

-- [@ch:x, page]: with its page, in print; [@lab:x, time]: with its time.
local function suffix(c)
  local s, t = pandoc.utils.stringify(c.suffix), target[c.id]
  if s == ', page' then
    return book.latex and t and not book.absent[c.id] and {book.raw((', p.~\\pageref{%s}'):format(c.id))} or {}
  elseif s == ', time' then
    return t and t.time and {pandoc.Str((' (%s)'):format(t.time:gsub(' ', '\u{A0}')))} or {}
  end
  return c.suffix
end

local function reference(cite)
  local out = pandoc.List()
  for i, c in ipairs(cite.citations) do
    local kind = c.id:match('^(%l+):')
    if KIND[kind] then
      if i > 1 then out:extend{pandoc.Str(i == #cite.citations and ' and' or ','), pandoc.Space()} end
      out:extend(c.prefix)
      if #c.prefix > 0 then out:insert(pandoc.Space()) end
      out:insert(one(c, kind))
      out:extend(suffix(c))
    elseif not keys[c.id] then
      book.complain('@' .. c.id, 'citation of ' .. c.id .. ', which is not in the bibliography')
    end
  end
  if #out > 0 then return out end
end

return { count=count, header=header, reference=reference, readkeys=readkeys,
         isfigure=isfigure, target=target }
end
