-- book.lua: a pandoc filter. Renders the chunks that noweb.lua made, and adds
-- what a book needs and Markdown lacks: numbered and checked references,
-- figures, exercises and labs with answers, side notes, an index of subjects.
-- The parts are in numbers.lua, chunks.lua, apart.lua, ..., beside this file.
--
-- Run it with `-t json -M format=latex' (or html): pandoc 2.17 cannot unset
-- the template of the options that it hands to a filter, so the filter must
-- run in a pandoc that has none.

local here = PANDOC_SCRIPT_FILE:match('^(.*/)') or ''
local book = { latex = nil, sources = {}, build = 'build',        -- what the parts share
               subjects = os.getenv('SUBJECTS') or here .. 'subjects.txt' }

function book.raw(s) return pandoc.RawInline(book.latex and 'latex' or 'html', s) end
function book.rawblock(s) return pandoc.RawBlock(book.latex and 'latex' or 'html', s) end

-- Inlines or one code block, as LaTeX or HTML.
function book.write(x)
  local blocks = x.t == 'CodeBlock' and {x} or {pandoc.Plain(x)}
  PANDOC_WRITER_OPTIONS.html_math_method = 'mathml'
  return (pandoc.write(pandoc.Pandoc(blocks), book.latex and 'latex' or 'html5', PANDOC_WRITER_OPTIONS))
end

-- Complaints: each at the lines of the chapters where TEXT stands ------------

local said, bad = {}, false

function book.locate(text)
  local places = {}
  for _, file in ipairs(book.sources) do
    local n = 0
    for line in io.lines(file) do
      n = n + 1
      local _, e = line:find(text, 1, true)
      if e and not line:sub(e + 1):match('^[%w_]') and not line:sub(e + 1):match('^[-:][%w]') then
        table.insert(places, file .. ':' .. n)
      end
    end
  end
  return places
end

function book.complain(text, what)
  local places = book.locate(text)
  if #places == 0 then places = {text} end
  for _, place in ipairs(places) do
    local line = place .. ': ' .. what
    if not said[line] then io.stderr:write(line, '\n') end
    said[line], bad = true, true
  end
end

-- Inline code for LaTeX: its long words may break. ---------------------------

local ESCAPE = { ['\\']='\\textbackslash{}', ['{']='\\{', ['}']='\\}', ['#']='\\#', ['$']='\\$',
  ['%']='\\%', ['&']='\\&', ['_']='\\_', ['^']='\\textasciicircum{}', ['~']='\\textasciitilde{}',
  ["'"]='\\textquotesingle{}', ['`']='\\textasciigrave{}' }

local function latexcode(text)
  local out, n, last = {}, utf8.len(text), ' '
  local i = 0
  for _, point in utf8.codes(text) do
    local ch = utf8.char(point)
    i = i + 1
    table.insert(out, ch == ' ' and last == ' ' and '\\ ' or ESCAPE[ch] or ch)
    if ch:match('[_/.,(=:>]') and n > 8 and i > 2 and i < n - 1 then table.insert(out, '\\nwbreak{}') end
    last = ch
  end
  return table.concat(out)
end

local function inlinecode(c)
  if book.latex then return book.raw('\\nwcode{' .. latexcode(c.text) .. '}') end
end

function book.code(text)
  local c = pandoc.Code(text)
  return inlinecode(c) or c
end

local function place(r)                        -- see noweb.lua
  if r.format == 'place' then
    return book.latex and pandoc.RawInline('latex', '%@ ' .. r.text .. '\n') or {}
  end
end

-- Comments at the top of a CSV file (machine, date, command) are often long.
local function folded(line)
  if not line:match('^#') then return line end
  local out, last = {}, ''
  for word in line:gmatch('%S+') do
    if #last + #word >= 72 then table.insert(out, last); last = '#  ' end
    last = last == '' and word or last .. ' ' .. word
  end
  table.insert(out, last)
  return table.concat(out, '\n')
end

-- ``` {.text include=build/run.txt}: what a program printed, when it was run.
local function include(b)
  local path = b.attributes.include
  local f = io.open((path:gsub('^build/', book.build .. '/')))
  if not f then return book.complain('include=' .. path, 'there is no file ' .. path) end
  b.text = f:read('a'):gsub('%s+$', ''):gsub('[^\n]+', folded); f:close()
  b.attributes.include = nil
end

-- A listing in the prose: included, perhaps; and where it stands, for LaTeX,
-- which does not break a short one.
local function listing(b)
  local place, mark = b.attributes.place, b.attributes.include and '%@ ' or '%@code '
  if b.attributes.include then include(b) end
  b.attributes.place = nil
  if not book.latex or not place then return b end
  local whole = select(2, b.text:gsub('\n', '')) < 14
  return {book.rawblock((whole and '\\nwwhole{true}\n' or '') .. mark .. place), b,
          whole and book.rawblock('\\nwwhole{false}') or nil}
end

-- A number and its unit stay in one line: 95 %, 12 ms.
local UNIT = {['%']=true}
for unit in ('ms us µs ns s min h B kB KB MB GB TB KiB MiB GiB Hz MHz GHz W GFLOPS TFLOPS GFLOP TFLOP'):gmatch('%S+') do
  UNIT[unit] = true
end
local function units(list)
  local out = pandoc.List()
  for i, x in ipairs(list) do
    local last, after = list[i - 1], list[i + 1]
    local number = last and (last.t == 'Str' and last.text:match('%d$') or
                             last.t == 'Math' and last.mathtype == 'InlineMath' and last.text:match('%d}?$'))
    local unit, rest = (after and after.t == 'Str' and after.text or ''):match('^(%%?[%aµ]*)(.*)$')
    if (x.t == 'Space' or x.t == 'SoftBreak') and number and UNIT[unit] and not rest:match("^[%w'’-]") then
      x = pandoc.Str('\u{A0}')
    end
    out:insert(x)
  end
  return out
end

-- For the web pages: what pandoc does not know of TeX's formulas, in terms that
-- it does know; a complaint about any other. (It would show the TeX, and warn.)
local function formula(m)
  if book.latex then return end
  m.text = m.text:gsub("(['])_(%b{})", '_%2%1'):gsub("(['])_(%w)", '_%2%1')       -- the index stands below the letter
  m.text = m.text:gsub('\\Big[lrm]?%f[^%a]', '\\Big'):gsub('\\bmod%f[%A]', '\\;\\mathrm{mod}\\;')
  if not book.write{m}:match('<math') then
    book.complain(m.text:gsub('\\Big', '\\Bigl'):match('[^\n]*%S[^\n]*'), 'no MathML for this formula')
  end
  return m
end

-- Browsers break no line within a formula. A long one becomes several, each of
-- which begins with = or the like; one that is very long, with + too.
local RELATION = { ['=']=true, ['<']=true, ['>']=true, ['\\le']=true, ['\\ge']=true, ['\\approx']=true }
local function pieces(m)
  if #m.text < 25 or m.text:match('\\begin') or m.text:match('\\left') then return {m} end
  local out, depth, from, long = pandoc.List(), 0, 1, #m.text > 45
  local plus = ''                              -- {} before a + that begins a piece
  for at, token in m.text:gmatch('()(\\?%a*[^%a\\]?)') do
    local word, last = token:match('^(\\?%a*)(.?)$')
    if word:sub(1, 1) ~= '\\' then word = '' end
    local sign = RELATION[word] and word or (RELATION[last] or long and last == '+') and last
    if depth == 0 and sign and at > from then
      local start = sign == word and at or at + #token - 1
      out:insert(pandoc.Math('InlineMath', plus .. m.text:sub(from, start - 1)))
      from, plus = start, sign == '+' and '{}' or ''
    end
    if last:match('[({%[]') then depth = depth + 1 elseif last:match('[)}%]]') then depth = depth - 1 end
  end
  out:insert(pandoc.Math('InlineMath', plus .. m.text:sub(from)))
  return out
end

-- And they do between a formula and the comma after it. Not here.
local function unbroken(list)
  if book.latex then return end
  local out = pandoc.List()
  for i, x in ipairs(list) do
    local last = out[#out]
    if x.t == 'Math' and x.mathtype == 'InlineMath' then
      local parts, after = pieces(x), list[i + 1]
      local first, tail = pandoc.List(), pandoc.List()
      if last and last.t == 'Str' and last.text:match('%($') then
        last.text = last.text:sub(1, -2)
        first:insert(pandoc.Str('('))
      end
      local mark = after and after.t == 'Str' and after.text:match('^[-.,;:!?)%]]+')
      if mark then
        after.text = after.text:sub(#mark + 1)
        tail:insert(pandoc.Str(mark))
      end
      for k, part in ipairs(parts) do
        local group = pandoc.List(k == 1 and first or {})
        group:insert(part)
        if k == #parts then group:extend(tail) end
        out:insert(#group > 1 and pandoc.Span(group, {class='unbroken'}) or part)
      end
    elseif x.t ~= 'Str' or x.text ~= '' then out:insert(x) end
  end
  return out
end

-- A link within the book; and, in LaTeX, to where a label stands.
local function ownlink(l)
  local id = l.target:match('^#(.*)')
  if book.latex and id and #l.classes == 0 then
    return book.raw(('\\hyperref[%s]{%s}'):format(id, book.write(l.content)))
  end
end

-- The order of the work ------------------------------------------------------

local handouts = dofile(here .. 'handouts.lua')(book)
local numbers = dofile(here .. 'numbers.lua')(book)
local chunks = dofile(here .. 'chunks.lua')(book)
local apart = dofile(here .. 'apart.lua')(book, numbers)
local index = dofile(here .. 'subjects.lua')(book, numbers)
book.isfigure = numbers.isfigure
local course = dofile(here .. 'course.lua')(book)

function Pandoc(doc)
  local function text(x, default) return x and pandoc.utils.stringify(x) or default end
  book.latex = text(doc.meta.format) == 'latex'
  book.build = text(doc.meta.build, 'build')
  for _, s in ipairs(doc.meta.sources) do table.insert(book.sources, text(s)) end
  numbers.readkeys(text(doc.meta.bibliography, ''))

  doc.blocks = handouts.expand(doc.blocks)
  numbers.count(doc.blocks)
  book.complete = text(doc.meta.edition) ~= 'course' and not doc.meta.draft
  local blocks = (text(doc.meta.edition) == 'course' and course.cut or course.whole)(doc.blocks)
  local body = pandoc.Div(apart.epigraphs(blocks))
  local function pass(filter) body = pandoc.walk_block(body, filter) end
  pass{Header = function (h)                                     -- no links in headings
    return pandoc.walk_block(h, {Link = function (l) return l.content end})
  end}
  pass{Cite = numbers.reference}
  pass{Inlines = index.termcase}
  body = index.subjects(body)
  pass{Inlines = units}
  pass{CodeBlock = listing, Span = index.term}
  pass{Div = index.termindex}
  pass{Math = formula}
  pass{Inlines = unbroken}
  pass{Code = inlinecode, RawInline = place}
  pass{Div = chunks.chunk}
  pass{Div = apart.findanswer}
  pass{Div = apart.div}
  pass{Div = apart.collected}
  pass{Link = chunks.link}
  pass{Para = apart.figure, Table = apart.captioned, Header = numbers.header}
  pass{Image = apart.stray}
  pass{Link = ownlink, Note = apart.note}
  if bad and not doc.meta.draft then os.exit(1) end
  return pandoc.Pandoc(body.content, doc.meta)
end
