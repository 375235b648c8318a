-- course.lua: part of book.lua. The course edition: what carries the argument.
-- When everything is numbered, takes out
--   the chunks of tests, measurements and labs, with the prose that leads to them,
--     unless they stand in ::: telling; prose in ::: keep stays;
--   ::: {.web say="How ..."}, with all that is in it;
--   a section whose heading has .web, but for its first paragraph;
--   plumbing: one or two lines added to a chunk that has begun elsewhere; empty chunks.
-- In place of what is gone stands one line: what it is, how many lines, which
-- file, which chunks of the complete edition. Tests leave a table of what they ask.
-- ::: course is for this edition alone.

return function (book)

local absent = {}                              -- label of a chunk -> its number
book.absent = absent
local PLUMBING = 2                             -- lines
local ledger = {}

local function has(b, class) return b.t == 'Div' and b.classes:includes(class) end
local function ischunk(b) return has(b, 'chunk') end

-- program, tests or exercises: for whom is this chunk?
local function kind(d)
  local roots = '|' .. d.attributes.roots
  return roots:find('|code/', 1, true) and 'program' or roots:find('|tests/', 1, true) and 'tests' or 'exercises'
end

-- For make ledger: where a chunk stands, its rows, its number, and who shows it.
local function note(d, how)
  table.insert(ledger, table.concat({d.attributes.place, d.attributes.rows, d.attributes.number, how}, '\t'))
end
local function writeledger(name)
  local f = io.open(book.build .. '/' .. name .. '.ledger', 'w')
  f:write(table.concat(ledger, '\n'), '\n'); f:close()
end

local function code(d) return (d.content[2].text:gsub('\u{E000}', '')) end

-- What stands in either edition.
local function show(b, open)
  if not ischunk(b) then return end
  b.attributes.kind, b.attributes.open = kind(b), open
  note(b, 'printed')
end

local function countlines(d) return select(2, code(d):gsub('[^\n]*%S[^\n]*', '')) end
local function plumbing(d)
  local lines = countlines(d)
  return lines == 0 or d.attributes.first ~= d.identifier and lines <= PLUMBING
end

-- What is taken out --------------------------------------------------------------

local gone                                     -- what has gone since the last block that stays
local out                                      -- the blocks that stay

local function letgo(b)
  if ischunk(b) and kind(b) == 'exercises' then absent[b.identifier] = b.attributes.number; note(b, 'lab'); return end
  gone = gone or {chunks=pandoc.List(), says=pandoc.List()}
  pandoc.walk_block(pandoc.Div{b}, {Div = function (d)
    if ischunk(d) then
      absent[d.identifier] = d.attributes.number
      gone.chunks:insert(d)
    elseif d.identifier ~= '' then absent[d.identifier] = '' end
  end, Span = function (s) if s.identifier ~= '' then absent[s.identifier] = '' end end,
  Image = function (i) if i.identifier ~= '' then absent[i.identifier] = '' end end,
  Header = function (h) absent[h.identifier] = '' end,
  Table = function (t) if t.identifier ~= '' then absent[t.identifier] = '' end end})
end

-- Chunks 8.31, 8.32, 8.33 and 8.40 are 8.31–8.33, 8.40.
local function ranges(chunks)
  local list, parts = {}, {}
  for _, d in ipairs(chunks) do
    local chapter, n = d.attributes.number:match('^(.*)%.(%d+)$')
    local last = list[#list]
    n = tonumber(n)
    if last and last.chapter == chapter and n == last.to + 1 then last.to = n
    else table.insert(list, {chapter=chapter, from=n, to=n}) end
  end
  for _, r in ipairs(list) do
    table.insert(parts, r.chapter .. '.' .. r.from .. (r.to > r.from and '–' .. r.to or ''))
  end
  return table.concat(parts, ', ')
end

local function files(chunks)
  local list, seen = {}, {}
  for _, d in ipairs(chunks) do
    for root in d.attributes.roots:gmatch('[^|]+') do
      if not seen[root] then seen[root] = true; table.insert(list, root) end
    end
  end
  return list
end

-- A name of a test has no commas, capitals and apostrophes; these are put back.
local NAMES = { adamw='AdamW', fnv='FNV', json='JSON', gpu='GPU', deepseek='DeepSeek', mhc='mHC', bf16='BF16', warmup='warm-up' }
local WORDS = { ['held out']='held-out', ['h post']='H post', ['^a tokens ']='a token’s ', ['is the papers ']='is the paper’s ',
  ['the residual networks$']='the residual network’s', ['zero aligned']='zero, aligned', ['seed name']='seed, name',
  ['forward backward']='forward, backward', ['these names shapes']='these names, shapes' }
local function sentence(name)
  name = name:gsub('_', ' '):gsub('%w+', NAMES)
  for from, to in pairs(WORDS) do name = name:gsub(from, to) end
  return name:sub(1, 1):upper() .. name:sub(2)
end

-- START_TEST(a_name), and what its comment says: {{name, fails if}}
local function tests(chunks)
  local list = pandoc.List()
  for _, d in ipairs(chunks) do
    local last = ''
    for line in (code(d) .. '\n'):gmatch('([^\n]*)\n') do
      local name = line:match('START_TEST%(([%w_]+)%)')
      if name then list:insert{name, last:match('/%* (fails if .-) ?%*/') or ''} end
      last = line:match('^%s') and last .. line:gsub('^%s+', ' ') or line
    end
  end
  return list
end

local MOST = 3                                 -- files in a line
local function describe(g)
  local line, lines = pandoc.List(), 0
  local function say(...) for _, x in ipairs{...} do line:insert(type(x) == 'string' and pandoc.Str(x) or x) end end
  for _, d in ipairs(g.chunks) do lines = lines + countlines(d) end
  for i, s in ipairs(g.says) do
    if i > 1 then say(pandoc.Space()) end
    line:extend(pandoc.read(s, 'markdown').blocks[1].content)
  end
  if #g.chunks == 0 or lines == 0 and #line > 0 then return line end
  if #g.says == 0 then
    local first = g.chunks[1].content[1].content[1].content[1]
    say('⟨'); line:extend(first.content); say('⟩')
    if #g.chunks > 1 then say((' and %d more'):format(#g.chunks - 1)) end
    say(', ')
  else say(pandoc.Space()) end
  say(('%d line%s: '):format(lines, lines == 1 and '' or 's'))
  local list = files(g.chunks)
  for i, f in ipairs(list) do
    if i > MOST then say((' and %d more'):format(#list - MOST)); break end
    say(i > 1 and ', ' or '', pandoc.Code(f))
  end
  say('; web ' .. ranges(g.chunks) .. '.')
  return line
end

local function flush()
  if not gone then return end
  local g = gone
  gone = nil
  if #g.says == 0 and g.chunks:map(countlines):find_if(function (n) return n > 0 end) == nil then
    for _, d in ipairs(g.chunks) do note(d, 'empty') end
    return
  end
  for _, d in ipairs(g.chunks) do
    note(d, 'line ' .. g.chunks[1].attributes.number)
  end
  local asked = tests(g.chunks)
  if #asked > 0 then
    out:insert(pandoc.Div({pandoc.BulletList(asked:map(function (t)
      local line = pandoc.List{pandoc.Emph(pandoc.Str(sentence(t[1])))}
      if t[2] ~= '' then line:extend{pandoc.Str(': ' .. t[2])} end
      return {pandoc.Plain(line)}
    end))}, {class='asked'}))
  end
  out:insert(pandoc.Div({pandoc.Plain(describe(g))}, {class='gone'}))
end

local function stay(b)
  flush()
  out:insert(b)
  show(b)
end

-- In the order of the book -----------------------------------------------------------

-- Of the prose that leads to a listing that goes, the first paragraph below a
-- heading stays; the rest waits in `leading' for what comes next.
-- Paragraphs after a figure, a table or a transcript discuss it, and stay.
local leading, first, results

local function settle(goes)
  for _, b in ipairs(leading) do
    if goes then letgo(b) else stay(b) end
  end
  leading = pandoc.List()
end

local cutblocks

local function cutblock(b)
  if has(b, 'course') or has(b, 'keep') or has(b, 'telling') then
    settle(false)
    for _, x in ipairs(b.content) do stay(x) end
  elseif has(b, 'web') then
    settle(false)
    letgo(b)
    if b.attributes.say then gone.says:insert(b.attributes.say) end
  elseif ischunk(b) then
    local k = kind(b)
    if k == 'program' and not plumbing(b) then settle(false); stay(b)
    else settle(k ~= 'program'); letgo(b) end
    first, results = false, false
  elseif b.t == 'Header' then settle(false); stay(b); first, results = true, false
  elseif b.t == 'Para' and not book.isfigure(b) then
    if first or results then stay(b); first = false else leading:insert(b) end
  else
    settle(false); stay(b)
    results = results or book.isfigure(b) or b.t == 'Table' or b.t == 'CodeBlock' or has(b, 'table-wide')
  end
end

function cutblocks(blocks)
  local skip                                   -- below a heading with .web: its level
  for _, b in ipairs(blocks) do
    if b.t == 'Header' and skip and b.level <= skip then skip = nil end
    if skip then
      if has(b, 'course') then cutblock(b)
      elseif b.t == 'Para' and first then stay(b); first = false
      else letgo(b) end
    else
      cutblock(b)
      if b.t == 'Header' and b.classes:includes('web') then skip = b.level end
    end
  end
  settle(false)
  flush()
end

-- Prose that stays and names what has gone: for make ledger, too.
local function names(blocks, list)
  local section = ''
  for _, b in ipairs(blocks) do
    if b.t == 'Header' then section = pandoc.utils.stringify(b) end
    if not ischunk(b) then
      pandoc.walk_block(pandoc.Div{b}, {Link = function (l)
        local number = l.classes:includes('ident') and absent[l.target:sub(2)]
        if number then table.insert(list, l.attributes.name .. '\t' .. number .. '\t' .. section) end
      end})
    end
  end
  return list
end

local function cut(blocks)
  out, leading, first, results, gone = pandoc.List(), pandoc.List(), false, false, nil
  cutblocks(blocks)
  writeledger('course')
  ledger = names(out, {})
  writeledger('names')
  return out
end

-- The complete edition has everything but what is for the course alone.
local function flatten(blocks, all, telling)
  for _, b in ipairs(blocks) do
    if has(b, 'keep') or has(b, 'telling') or has(b, 'web') then flatten(b.content, all, has(b, 'telling'))
    elseif not has(b, 'course') then
      all:insert(b)
      show(b, telling and 'yes' or nil)
    end
  end
  return all
end
local function whole(blocks)
  local all = flatten(blocks, pandoc.List())
  writeledger('complete')
  return all
end

return { cut=cut, whole=whole }
end
