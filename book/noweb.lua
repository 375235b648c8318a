-- noweb.lua: a pandoc reader for noweb's pipeline format.
--
--   markup ch*.nw | elide.awk | scope.awk | noidx | pandoc -f noweb.lua
--
-- Every chapter's prose is handed to pandoc's own Markdown reader in one
-- piece, with a placeholder where a code chunk or quoted code stood, so that
-- lists, footnotes and fenced divs may span chunks. The placeholders are then
-- replaced. Nothing here knows the output format.
--
-- Where a paragraph begins, a raw inline of format `place' says which line of
-- which chapter it came from: book.lua passes it on, so that an error can name
-- it. On its way through Markdown it is one private character, PLACE + line.

local IDENT, USE = utf8.char(0xE000), 0xE100     -- marks inside code
local PLACE = 0xF0000                            -- marks inside prose
local PLACED = '\xF3[\xB0-\xBF][\x80-\xBF][\x80-\xBF]'   -- one of them, in UTF-8
local LANGUAGE = { c='c', h='c', cu='cuda', cuh='cuda', sh='bash', tex='latex', txt='text',
                   mk='makefile', md='markdown', awk='awk', lua='lua', gp='text', py='python' }

local chapters, chunks, quotes = {}, {}, {}      -- in order of appearance
local bylabel, parents = {}, {}                  -- label->chunk, name->{name}
local index, chunklist = {}, {}                  -- what noidx found
local istest = {}                                -- names that START_TEST defines, with their files

-- The place where a paragraph begins ----------------------------------------

-- A mark after the list bullet or indent of a line of prose; or none, where
-- a character more could change what Markdown makes of the line.
local function marked(s, row)
  local lead, rest = s:match('^(%s*[-*+] +)(.*)$')
  if not lead then lead, rest = s:match('^(%s*%d+[.)] +)(.*)$') end
  if not lead then lead, rest = s:match('^(%s*)(.*)$') end
  if rest:match('   ') or rest:match('^%[[%w^][^%]]*%]:') or not rest:match('^[%a$`(*%[]') or
     rest:match('^```') or rest:match('^%*[ *]*$') then return s end
  return lead .. utf8.char(PLACE + row) .. rest
end

-- Reading the token stream ------------------------------------------------

local function parse(input)
  local chapter, chunk, quote, entry             -- what we are inside of
  local label, ref, isnew                        -- seen just before a token
  local row, column, blank, fence = 1, 0, true, false    -- in the chapter; in its prose
  local refs = {}
  local token = {}

  local function docs(s) table.insert(chapter.text, s) end
  local function item(t, x) t[#t + 1] = x; return x end
  local function take() local r = refs; refs = {}; return r end
  -- What scope.awk calls `NAME FILE', if several files have the name.
  local function identifier(s)
    local name, file = s:match('^(%S+) ?(.*)$')
    return {name=name, file=file ~= '' and file or nil, key=s, at={}}
  end

  function token.fatal(s) error('noweb: ' .. s) end
  function token.file(s)
    chapter = item(chapters, {file=s, text={}, chunks={}, fences={}})
    row, blank, fence = 1, true, false
  end
  function token.line(s) row = tonumber(s) end

  function token.begin(s)
    if s:match('^code') then chunk = {code={}, uses={}, used={}, defines={}, needs={}}
    else isnew = true end
    column = 0
  end
  token['end'] = function(s)
    if not s:match('^code') then return end
    item(chunks, chunk); item(chapter.chunks, chunk)
    docs(('\n\n```{.nwchunk key=%d}\n```\n\n'):format(#chunks))
    local names = {}
    for name in table.concat(chunk.code):gsub(IDENT, ''):gmatch('START_TEST%(([%w_]+)%)') do names[name] = true end
    for _, d in ipairs(chunk.defines) do if names[d.name] then istest[d.key] = true end end
    chunk, blank = nil, true
  end
  function token.defn(s)
    chunk.place = chapter.file .. ':' .. row
    chunk.name, chunk.label, chunk.first, chunk.skipnl = s, label, ref, true
    bylabel[label] = chunk
  end

  function token.text(s)
    if quote then item(quote, {code=s, to=quote.to}); quote.to = nil
    elseif chunk then item(chunk.code, s)
    else
      if column == 0 then
        if s:match('^%s*```') then
          fence = not fence
          if fence then item(chapter.fences, row) end
        end
        if blank and not fence then s = marked(s, row) end
        blank = s:match('^%s*$') or s:match('^:::')
      end
      if isnew and s:match('^[%w%$`_%*“‘(\xF3]') then docs('`\\noindent{}`{=latex}') end
      if s ~= '' then column = column + 1 end
      docs(s); isnew = isnew and s == '' and #chapter.text < 2
    end
  end
  function token.nl()
    if chunk and chunk.skipnl then chunk.skipnl = false
    elseif chunk then item(chunk.code, '\n')
    elseif chapter then docs('\n'); isnew = false end
    row, column = row + 1, 0
  end
  function token.quote()
    if isnew then docs('`\\noindent{}`{=latex}'); isnew = false end
    if column == 0 and blank and not fence then docs(utf8.char(PLACE + row)) end
    quote, column, blank = {}, column + 1, false
  end
  function token.endquote()
    item(quotes, quote); quote = nil
    docs(('`x`{.nwquote key=%d}'):format(#quotes))
  end
  function token.use(s)
    if quote then item(quote, {chunk=s, to=ref})
    else
      item(chunk.code, utf8.char(USE + #chunk.uses))
      item(chunk.uses, {name=s, to=ref})
      parents[s] = parents[s] or {}
      item(parents[s], chunk.name)
    end
    ref = nil
  end

  function token.xref(s)
    local what, arg = s:match('^(%S+) ?(.*)$')
    if     what == 'label'    then label = arg
    elseif what == 'ref'      then ref = arg
    elseif what == 'prevdef'  then chunk.prev = arg
    elseif what == 'nextdef'  then chunk.next = arg
    elseif what == 'useitem'  then item(chunk.used, arg)
    elseif what == 'chunkbegin' then
      local l, name = arg:match('^(%S+) (.*)$')
      entry = item(chunklist, {name=name, to=l, at={}})
    elseif what == 'chunkdefn' then item(entry.at, {to=arg, def=true})
    elseif what == 'chunkuse'  then item(entry.at, {to=arg})
    end
  end
  function token.index(s)
    local what, arg = s:match('^(%S+) ?(.*)$')
    if what == 'nl' then row = row + 1
    elseif what == 'use' then
      if quote then quote.to = ref elseif chunk then item(chunk.code, IDENT) end
    elseif what == 'isused' or what == 'isdefined' then item(refs, arg)
    elseif what == 'defitem' then item(chunk.defines, identifier(arg)).at = take()
    elseif what == 'useitem' then item(chunk.needs, identifier(arg)).at = take()
    elseif what == 'entrybegin' then
      local l, name = arg:match('^(%S+) (.*)$')
      entry = item(index, identifier(name)); entry.to = l
    elseif what == 'entrydefn' then item(entry.at, {to=arg, def=true})
    elseif what == 'entryuse'  then item(entry.at, {to=arg})
    end
  end

  for line in input:gmatch('([^\n]*)\n') do
    local name, arg = line:match('^@(%S+) ?(.*)$')
    if name == 'xref' or name == 'index' then arg = arg:gsub('(NW%w+)%-(%w+)%-', '%1.%2.') end
    if token[name] then token[name](arg) end
  end
end

-- From chunks to pandoc's document tree -----------------------------------

local function language(name, seen)
  seen = seen or {}
  if seen[name] then return end
  seen[name] = true
  if not parents[name] then
    return LANGUAGE[name:match('%.(%w+)%*?$') or ''] or
           (name:match('Makefile$') and 'makefile')
  end
  for _, p in ipairs(parents[name]) do
    local l = language(p, seen)
    if l then return l end
  end
end

-- The files that a chunk is part of.
local function roots(name, seen, list)
  seen, list = seen or {}, list or {}
  if seen[name] then return list end
  seen[name] = true
  if not parents[name] then table.insert(list, name) end
  for _, p in ipairs(parents[name] or {}) do roots(p, seen, list) end
  return list
end

-- A chunk's name is plain text, with code in double brackets and formulas
-- between dollars.
local function nameinlines(name)
  local out = pandoc.List()
  local function words(s)
    for gap, word in s:gmatch('(%s*)(%S*)') do
      if gap ~= '' then out:insert(pandoc.Space()) end
      if word ~= '' then out:insert(pandoc.Str(word)) end
    end
  end
  local function formulas(s)
    for before, formula in (s .. '$$'):gmatch('([^$]*)%$([^$]*)%$') do
      words(before)
      if formula ~= '' then out:insert(pandoc.Math('InlineMath', formula)) end
    end
  end
  if not name:match('%s') and name:match('[./]') then return {pandoc.Code(name)} end
  local rest = name
  while true do
    local a, b, code, after = rest:find('^(.-%[%[)(.-%]%]+)')
    if not a then break end
    formulas(code:sub(1, -3)); out:insert(pandoc.Code(after:sub(1, -3)))
    rest = rest:sub(b + 1)
  end
  formulas(rest)
  return out
end

local function ref(to, class)
  local c = bylabel[to]
  return pandoc.Link(c and c.number or '?', '#' .. to, '', {class=class and 'chunkref ' .. class or 'chunkref'})
end
local function namelink(name, to)
  return pandoc.Link(nameinlines(name), '#' .. to, '', {class='chunkname'})
end
local function identlink(name, to, class)
  return pandoc.Link(pandoc.Code(name), '#' .. to, '', {class=class and 'ident ' .. class or 'ident', name=name})
end
local function nottests(list)
  return pandoc.List(list):filter(function (x) return not istest[x.key] end)
end
local function separated(list, f)
  local out = pandoc.List()
  for i, x in ipairs(list) do
    if i > 1 then out:extend{pandoc.Str(','), pandoc.Space()} end
    out:extend(f(x))
  end
  return out
end

local function chunkblock(c)
  local foot, uses = pandoc.List(), pandoc.List()
  local function say(class, inlines) foot:insert(pandoc.Span(inlines, {class=class})) end
  if c.prev then say('prev', {ref(c.prev)}) end
  if c.next then say('next', {ref(c.next)}) end
  if #c.used > 0 then
    say('used', separated(c.used, function (l)
      return bylabel[l] and {namelink(bylabel[l].name, l), pandoc.Space(), ref(l)} or {} end))
  end
  if #c.defines > 0 then
    say('defines', separated(c.defines, function (d) return {pandoc.Code(d.name)} end))
  end
  if #c.needs > 0 then
    say('needs', separated(c.needs, function (d)
      return {identlink(d.name, d.at[1], istest[d.key] and 'test'), pandoc.Space(), ref(d.at[1])} end))
  end
  for _, u in ipairs(c.uses) do
    uses:insert(u.to and namelink(u.name, u.to) or pandoc.Str(u.name))
  end
  -- Blank lines around a piece of code part it from what stands beside it in
  -- the program; on the page there is nothing beside it.
  local blank, code = table.concat(c.code):match('^([ \n]*\n?)(.*)$')
  code = (blank:match('[^\n]*$') .. code):gsub('\n*$', '')
  blank = select(2, blank:gsub('\n', ''))
  local file, row = c.place:match('^(.*):(%d+)$')
  local attr = {id=c.label, class='chunk', number=c.number, first=c.first, place=c.place, roots=table.concat(roots(c.name), '|'),
                rows=select(2, table.concat(c.code):gsub('\n', '')),
                codeplace=file .. ':' .. math.tointeger(row) + blank}
  return pandoc.Div({
    pandoc.Plain{pandoc.Span(namelink(c.name, c.first), {class='name'}),
                 pandoc.Span(uses, {class='uses'})},
    pandoc.CodeBlock(code, {id=c.label .. '-code', class=language(c.name) or 'c'}),
    pandoc.Plain(foot)}, attr)
end

local function quoteinlines(q)
  local out = pandoc.List()
  for _, p in ipairs(q) do
    if p.chunk then
      out:insert(p.to and namelink(p.chunk, p.to) or pandoc.Str('⟨' .. p.chunk .. '⟩'))
    elseif p.to then out:insert(identlink(p.code, p.to))
    else out:insert(pandoc.Code(p.code)) end
  end
  return out
end

-- An index: the name, and where it is defined and used.
local function entries(list, show)
  return {pandoc.BulletList(pandoc.List(list):map(function (e)
    local places = separated(e.at, function (x) return {ref(x.to, x.def and 'def' or nil)} end)
    local line = pandoc.List{show(e.name, e.to), pandoc.Space(), pandoc.Span(places, {class='places'})}
    if e.place then line:insert(2, pandoc.Space()); line:insert(3, pandoc.Span(pandoc.Str('(' .. e.place .. ')'), {class='file'})) end
    return {pandoc.Plain(line)}
  end))}
end

-- The identifiers; and the tests, each with the place where it stands. Of a
-- name that several files have, the file's name, as short as it may be.
local function placed(list)
  local count = {}
  local function short(x) return x.file:match('[^/]*$') end
  for _, x in ipairs(list) do
    if x.file then local k = x.name .. ' ' .. short(x); count[k] = (count[k] or 0) + 1 end
  end
  for _, x in ipairs(list) do
    if x.file then x.place = count[x.name .. ' ' .. short(x)] > 1 and x.file or short(x) end
  end
  return list
end
local function identifiers() return placed(nottests(index)) end
local function tests()
  return placed(pandoc.List(index):filter(function (x) return istest[x.key] end):map(function (x)
    return {name=x.name, file=x.file, to=x.to, at=pandoc.List(x.at):filter(function (at) return at.def end)}
  end))
end

-- What went through Markdown in disguise and came out where no inline may
-- stand (alternative texts, code, formulas) becomes plain text again.
local function plain(s)
  s = s:gsub(PLACED, '')
  return (s:gsub('`x`{%.nwquote key=(%d+)}', function (key)
    local text = ''
    for _, p in ipairs(quotes[tonumber(key)]) do text = text .. (p.chunk or p.code) end
    return text
  end))
end

local function plainly(x)
  for k, v in pairs(x.attributes) do x.attributes[k] = plain(v) end
  return x
end

local function places(s, file)
  if not s.text:match(PLACED) then return nil end
  local out, at = pandoc.List(), 1
  for a, mark, b in s.text:gmatch('()(' .. PLACED .. ')()') do
    if a > at then out:insert(pandoc.Str(s.text:sub(at, a - 1))) end
    out:insert(pandoc.RawInline('place', file .. ':' .. (utf8.codepoint(mark) - PLACE)))
    at = b
  end
  if at <= #s.text then out:insert(pandoc.Str(s.text:sub(at))) end
  return out
end


-- Chunks are numbered by chapter: 2.7, A.3; those of a chapter without number
-- have the number of that chapter's place in the book, as *1.3.
local function numberchunks()
  local n, letter, bare, appendix = 0, 0, 0, false
  for _, ch in ipairs(chapters) do
    local head = ch.doc.blocks:find_if(function (b) return b.t == 'Header' end)
    local number
    if not head or head.classes:includes('unnumbered') then bare = bare + 1; number = '*' .. bare
    elseif head.classes:includes('appendix') then letter = letter + 1; number = string.char(64 + letter)
    elseif head.classes:includes('zero') then number = '0'
    else n = n + 1; number = tostring(n) end
    for i, c in ipairs(ch.chunks) do c.number = number .. '.' .. i end
  end
end

-- The same title in two chapters, and no name of its own: the second is renamed.
local ids = {}
local function uniqueid(h)
  local id, k = h.identifier, 1
  while ids[h.identifier] and not id:match(':') do h.identifier = id .. '-' .. k; k = k + 1 end
  ids[h.identifier] = true
  return plainly(h)
end

-- Does the k-th fence in the prose make the k-th listing?
local function fencescount(ch)
  local n = 0
  pandoc.walk_block(pandoc.Div(ch.doc.blocks), {CodeBlock = function (b)
    if b.classes[1] ~= 'nwchunk' then n = n + 1 end
  end})
  return n == #ch.fences
end

local function substitute(ch)
  local counted, k = fencescount(ch), 0
  return pandoc.walk_block(pandoc.Div(ch.doc.blocks), {
    CodeBlock = function (b)
      if b.classes[1] == 'nwchunk' then return chunkblock(chunks[tonumber(b.attributes.key)]) end
      k = k + 1
      b.text = plain(b.text)
      if counted then b.attributes.place = ch.file .. ':' .. ch.fences[k] end
      return plainly(b)
    end,
    Code = function (c)
      if c.classes[1] == 'nwquote' then return quoteinlines(quotes[tonumber(c.attributes.key)]) end
      c.text = plain(c.text)
      return c
    end,
    Math = function (m) m.text = plain(m.text); return m end,
    RawBlock = function (r) r.text = plain(r.text); return r end,
    Str = function (s) return places(s, ch.file) end,
    Header = uniqueid,
    Image = plainly, Span = plainly, Link = plainly,
    Div = function (d)
      if d.identifier == 'nwchunks' then d.content = entries(chunklist, namelink); return d end
      if d.identifier == 'nwindex' then d.content = entries(identifiers(), identlink); return d end
      if d.identifier == 'nwtests' then d.content = entries(tests(), identlink); return d end
      return plainly(d)
    end,
  }).content
end

function Reader(input, options)
  parse(tostring(input))
  local blocks, meta, sources = pandoc.List(), {}, pandoc.List()
  for _, ch in ipairs(chapters) do
    ch.doc = pandoc.read(table.concat(ch.text), 'markdown', options)
  end
  numberchunks()
  for _, ch in ipairs(chapters) do
    blocks:extend(substitute(ch))
    for k, v in pairs(ch.doc.meta) do meta[k] = v end
    sources:insert(pandoc.MetaString(ch.file))
  end
  meta.sources = pandoc.MetaList(sources)
  return pandoc.Pandoc(blocks, meta)
end
