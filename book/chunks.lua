-- chunks.lua: part of book.lua. Renders a code chunk: its name, its code with
-- colours and links, where else it stands and what it uses; and the indexes of
-- chunks and identifiers.

return function (book)

local LITERAL = { Comment=true, String=true, Import=true, co=true, st=true, im=true }
-- Where what a chunk uses is defined: identifier -> label.
local function definitions(foot)
  local where = {}
  pandoc.walk_block(foot, {Link = function (l)
    if l.classes:includes('ident') then where[l.attributes.name] = l.target:sub(2) end
  end})
  return where
end

-- The names of the chunks used in a chunk: {written, label}
local function usednames(div)
  local uses = {}
  for _, l in ipairs(div.content[1].content[2].content) do
    table.insert(uses, l.t == 'Link' and {book.write(l.content), l.target:sub(2)} or {book.write{l}, ''})
  end
  return uses
end

-- Skylighting has carried our private characters through its colouring:
-- U+E000 before an identifier, U+E100+i for the use of the i-th chunk.
local function latexcode(s, uses, where)
  s = s:gsub('\\begin{Shaded}\n', ''):gsub('\n\\end{Shaded}', '')
  s = s:gsub('\\(%a+)Tok(%b{})', function (kind, text)      -- no links in there
    if LITERAL[kind] then return '\\' .. kind .. 'Tok' .. text:gsub('\u{E000}', '') end
  end)
  s = s:gsub('\u{E000}([%w\\_]*)', function (id)
    local to = where[id:gsub('\\', '')]
    return to and not book.absent[to] and ('\\nwident{%s}{%s}'):format(to, id) or id
  end)
  local names = ''
  for i, u in ipairs(uses) do
    local number = book.absent[u[2]]
    s = s:gsub(utf8.char(0xE0FF + i), number and ('\\nwelsewhere{w%s}{%d}'):format(number, i) or
               ('\\nwuse{%s}{%d}'):format(u[2], i))
    names = names .. ('\\nwname{%d}{%s}'):format(i, u[1])
  end
  return s, names
end

local function htmlcode(s, uses, where)
  s = s:gsub('<span class="(%l%l)">(.-)</span>', function (kind, text)
    if LITERAL[kind] then
      return ('<span class="%s">%s</span>'):format(kind, (text:gsub('\u{E000}', '')))
    end
  end)
  s = s:gsub('\u{E000}([%w_]*)', function (id)
    local to = where[id]
    return to and ('<a class="ident" href="#%s">%s</a>'):format(to, id) or id
  end)
  for i, u in ipairs(uses) do
    local link = ('<a class="use" href="#%s">⟨%s⟩</a>'):format(u[2], u[1])
    s = s:gsub(utf8.char(0xE0FF + i), (link:gsub('%%', '%%%%')))
  end
  return s
end

-- Links made by noweb.lua: a tag (page or number), a chunk's name, an identifier.
local function link(l)
  local to = l.target:sub(2)
  if book.absent[to] then                                -- in the complete edition only
    if l.classes:includes('chunkref') then return pandoc.Str('w' .. book.absent[to]) end
    if l.classes:includes('ident') then return l.content end
    return pandoc.Span{pandoc.Str('⟨'), pandoc.Span(l.content), pandoc.Str('⟩')}
  elseif l.classes:includes('chunkref') then
    if book.latex then return book.raw(('\\subpageref{%s}'):format(to)) end
  elseif l.classes:includes('chunkname') then
    l.content:insert(1, pandoc.Str('⟨')); l.content:insert(pandoc.Str('⟩'))
    if book.latex then return book.raw(('\\nwlink{%s}{\\nwitalic{%s}}'):format(to, book.write(l.content))) end
    l.classes = {'chunklink'}
    return l
  elseif l.classes:includes('ident') then
    if book.latex then return book.raw(('\\nwident{%s}{%s}'):format(to, book.write(l.content))) end
    l.classes, l.attributes = {'ident'}, {}
    return l
  end
end

local function linked(inlines)
  return pandoc.walk_inline(pandoc.Span(inlines), {Link=link}).content
end

local SAY = { prev='Continued from ', next='Continued in ', used='Used in ', defines='Defines ', needs='Uses ' }

-- Where a chunk goes on, and where it is used: below it, in print beside it.
local function footline(foot)
  local line = pandoc.List()
  for _, s in ipairs(foot.content) do
    local class = s.classes[1]
    if class ~= 'defines' and class ~= 'needs' then
      if #line > 0 then line:insert(pandoc.Space()) end
      line:insert(pandoc.Str(SAY[class])); line:extend(s.content); line:insert(pandoc.Str('.'))
    end
  end
  return linked(line)
end

-- Beside it: the identifiers it uses, as many as fit beside the lines that it has
-- left, but three lines of them at least and 16 at most. All tests are registered
-- somewhere: that needs no mention.
local LINE = 26                                -- letters
local function needlist(foot, lines)
  local out, room = pandoc.List(), LINE * math.min(math.max(3, lines), 16)
  for _, s in ipairs(foot.content) do
    for i, x in ipairs(s.classes[1] == 'needs' and s.content or {}) do
      if x.t == 'Link' and x.classes:includes('ident') and not x.classes:includes('test') then
        room = room - #x.attributes.name - 6             -- with the page and the comma
        if room < 0 and #out > 0 then out:insert(pandoc.Str(', …')); break end
        if #out > 0 then out:extend{pandoc.Str(','), pandoc.Space()} end
        out:extend{x, pandoc.Space(), s.content[i + 2]}
      end
    end
  end
  return linked(out)
end

-- What a page break before each line of a chunk costs, for LaTeX. A short chunk
-- is kept whole. Of a longer one, three lines at least stay together at either
-- end, and no page begins with a blank line or with one that only closes braces;
-- a break after a blank line is welcome, one in the middle of a statement is not.
-- A struct or an enum is kept whole, or, if it is long, three lines at its ends.
local WHOLE, ENDS, NEVER, USUAL = 7, 3, 10000, 50
local MEMBERS = 18                                  -- lines of a type that is kept whole
local function types(lines, cost)
  for i, line in ipairs(lines) do
    local indent, head = line:gsub('[\x80-\xFF]', ''):match('^(%s*)([%w_ ]*){$')
    if head and (head:match('struct') or head:match('enum') or head:match('union')) then
      local j = i + 1
      while lines[j] and not (lines[j]:match('^' .. indent .. '}')) do j = j + 1 end
      for k = i + 1, math.min(j, #lines) do
        if j - i < MEMBERS or k - i <= ENDS or j - k < ENDS then cost[k] = NEVER end
      end
    end
  end
end
-- The last line of what should stay together at the beginning: includes, a function's
-- head and two lines of its body; and the first at the end: three lines that say something.
local function ends(lines)
  local head, tail, said = ENDS, #lines + 1, 0
  while lines[head] and lines[head]:match('^#include') do head = head + 1 end
  for i = 1, math.min(head + ENDS, #lines) do
    if lines[i] == '{' then head = i + ENDS - 1; break end
  end
  while tail > 1 and said < ENDS do
    tail = tail - 1
    if lines[tail]:match('%w') and not lines[tail]:match('^END_TEST') and not lines[tail]:match('^#endif') then said = said + 1 end
  end
  return head, tail
end
local USE = '\xEE[\x84-\xBF][\x80-\xBF]$'          -- a chunk's name, see noweb.lua
local function breaks(body, code)
  local lines, cost = pandoc.List(), pandoc.List()
  local isc = code.classes:includes('c') or code.classes:includes('cuda')
  for line in (code.text .. '\n'):gmatch('([^\n]*)\n') do lines:insert(line) end
  if #lines <= WHOLE then return (body:gsub('{Highlighting}%[%]', '{Highlighting}[samepage]')) end
  local head, tail = ends(lines)
  local open                                        -- a list of parameters
  for i, line in ipairs(lines) do
    local before = i > 1 and lines[i - 1]:gsub('%s*//.*', ''):gsub('%s*/%*.*%*/$', '') or ''
    if before:match('^[%a_].*%([^)]*$') then open = true elseif before:match('%);?%s*$') then open = false end
    if i <= ENDS or i > #lines - ENDS + 1 or open and isc or line:match('^[%s})%];,]*$') then cost:insert(NEVER)
    elseif line:match('^%s*{$') or before:match('^%s*{$') then cost:insert(NEVER)
    elseif i <= head or i > tail then cost:insert(400)
    elseif before:match('^%s*$') then cost:insert(lines[i - 1]:match('^%s*$') and 0 or 150)
    elseif not isc or before:match('[;}:>]$') or before:match('^#') or before:match(USE) then cost:insert(USUAL)
    else cost:insert(before:match('{$') and 150 or 300) end
  end
  if isc then types(lines, cost) end
  local first, text, last = body:match('^(.-\\begin{Highlighting}%[%]\n)(.*)(\n\\end{Highlighting}.*)$')
  local i = 0
  return first .. (text .. '\n'):gsub('([^\n]*)\n', function (line)
    i = i + 1
    return (cost[i] ~= USUAL and ('\\nwcost{%d}'):format(cost[i]) or '') .. line .. '\n'
  end):sub(1, -2) .. last
end

local function latexchunk(div, name, code, foot)
  local body, names = latexcode(book.write(code), usednames(div), definitions(foot))
  local lines = 1 + select(2, code.text:gsub('\n', ''))
  local more = div.attributes.first ~= div.identifier and '+' or ''
  local where = footline(foot)
  local beside = needlist(foot, lines - math.ceil(#pandoc.utils.stringify(where) / LINE))
  if #where > 0 and #beside > 0 then beside:insert(book.raw('\\par ')) end
  beside:extend(where)
  return {
    book.rawblock(('%%@ %s\n%s\\nwsort{%d}\\begin{nwchunk}{%s}{%s}{%s}{%s}'):format(div.attributes.place, names,
      div.attributes.kind == 'program' and 1 or 2,
      div.identifier, book.write(name), more, book.write(beside))),
    book.rawblock(('%%@code %s\n%s'):format(div.attributes.codeplace, breaks(body, code))),
    book.rawblock('\\end{nwchunk}\\nwfoot')}
end

-- On the web pages a listing that is no part of the program is folded.
local function htmlchunk(div, name, code, foot)
  local folded = div.attributes.kind and div.attributes.kind ~= 'program'
  local lines = 1 + select(2, code.text:gsub('\n', ''))
  local head = ('⟨%s⟩\u{A0}%s≡ %s<a class="number" href="#%s">%s</a>'):format(book.write(name),
    div.attributes.first ~= div.identifier and '+' or '',
    folded and ('<span class="lines">%d line%s</span> '):format(lines, lines == 1 and '' or 's') or '',
    div.identifier, div.attributes.number)
  local body = pandoc.List{
    book.rawblock(htmlcode(book.write(code), usednames(div), definitions(foot))),
    pandoc.Div({pandoc.Plain(footline(foot))}, {class='foot'})}
  if folded then
    body:insert(1, book.rawblock((div.attributes.open and '<details open>' or '<details>') .. '<summary class="head">' .. head .. '</summary>'))
    body:insert(book.rawblock('</details>'))
  else body:insert(1, book.rawblock('<div class="head">' .. head .. '</div>')) end
  return pandoc.Div(body, {id=div.identifier, class='chunk'})
end

-- An index in print: names, with the pages where they are defined and used.
local function latexindex(d)
  local out = pandoc.List{book.rawblock('\\begin{nwindex}{' .. d.identifier .. '}')}
  for _, item in ipairs(d.content[1].content) do
    local line = item[1].content
    local labels = pandoc.List()
    for _, x in ipairs(line[#line].content) do
      if x.t == 'Link' then labels:insert((x.classes:includes('def') and '!' or '') .. x.target:sub(2)) end
    end
    line[#line] = book.raw('\\nwpages{' .. table.concat(labels, ',') .. '}')
    for i, x in ipairs(line) do
      if x.t == 'Span' then line[i] = book.raw('{\\color{gray}' .. book.write(x.content) .. '}') end
    end
    line:insert(1, book.raw('\\item '))
    out:insert(pandoc.Plain(linked(line)))
  end
  out:insert(book.rawblock('\\end{nwindex}'))
  return out
end

-- On the web pages: of what is used all over the book, only the definition.
local OFTEN = 40
local function htmlindex(d)
  for _, item in ipairs(d.content[1].content) do
    local line = item[1].content
    local places = line[#line]
    local defined, uses = pandoc.List(), 0
    for _, x in ipairs(places.content) do
      if x.t == 'Link' and x.classes:includes('def') then defined:extend{x, pandoc.Str(','), pandoc.Space()}
      elseif x.t == 'Link' then uses = uses + 1 end
    end
    if uses > OFTEN then defined:insert(pandoc.Emph{pandoc.Str('passim')}); places.content = defined end
  end
  return d
end

local INDEX = { nwindex=true, nwchunks=true, nwtests=true }

local function chunk(d)
  if d.classes:includes('chunk') then
    local head, code, foot = d.content[1], d.content[2], d.content[3]
    local name = head.content[1].content[1].content
    return (book.latex and latexchunk or htmlchunk)(d, name, code, foot)
  elseif INDEX[d.identifier] and d.content[1] then
    return (book.latex and latexindex or htmlindex)(d)
  end
end

return { chunk=chunk, link=link }
end
