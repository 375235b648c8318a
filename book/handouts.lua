-- handouts.lua: part of book.lua. In place of the div {#nwhandouts} a section for
-- each lab, made from its lab.txt, the heads of the functions in stub.c or stub.cu, and its box
-- in the chapter: what one hands out on a sheet of paper. Never the solution.

return function (book)

local function field(text, key) return ('\n' .. text):match('\n' .. key .. ': *([^\n]*)') or '' end

-- The words of a line; what looks like code is code.
local function inlines(text)
  local out = pandoc.List()
  local function words(s)
    for gap, word in s:gmatch('(%s*)(%S*)') do
      if gap ~= '' then out:insert(pandoc.Space()) end
      if word ~= '' then out:insert(pandoc.Str(word)) end
    end
  end
  local from, at = 1, 1
  while at <= #text do
    local stop, name = text:match('^([%a_][%w_]*)()', at)
    name, stop = stop, name
    local marked, after = text:match('^`([^`]+)`()', at)
    if not marked then marked, after = text:match('^(code/[%w_/]+%.%l+)()', at) end
    if marked then
      words(text:sub(from, at - 1)); out:insert(pandoc.Code(marked))
      from, at = after, after
    elseif not name then at = at + 1
    else
      local code, more = name:find('%w_%w') ~= nil, true
      while more do
        more = text:match('^%b[]()', stop) or text:match('^%b()()', stop) or text:match('^%->[%w_]+()', stop)
        if more then stop, code = more, true end
      end
      if code then
        words(text:sub(from, at - 1)); out:insert(pandoc.Code((text:sub(at, stop - 1):gsub('%s+', ' '))))
        from = stop
      end
      at = stop
    end
  end
  words(text:sub(from))
  return out
end

-- Plain text with paragraphs, lists and what is set in.
local function blocks(text)
  local out = pandoc.List()
  for part in (text:gsub('\n%s*\n', '\0') .. '\0'):gmatch('([^%z]*)%z') do
    local bullet = part:match('^ *%- ') and ' *%- ' or part:match('^ *1%. ') and ' *%d+%. '
    if bullet then
      local items = pandoc.List()
      for item in ('\n' .. part):gsub('\n' .. bullet, '\0'):sub(2):gmatch('[^%z]+') do
        items:insert({pandoc.Plain(inlines((item:gsub('%s+', ' '))))})
      end
      out:insert(bullet:find('d') and pandoc.OrderedList(items) or pandoc.BulletList(items))
    elseif part:match('^ ') then
      local margin = part:match('^ +')
      out:insert(pandoc.CodeBlock((('\n' .. part):gsub('\n' .. margin, '\n'):sub(2)), {class='text'}))
    elseif part:match('%S') then out:insert(pandoc.Para(inlines(part))) end
  end
  return out
end

local function blank()
  return book.raw(book.latex and '\\rule{42mm}{.4pt}' or '<span class="blank"></span>')
end
local function code(s) return pandoc.Code(s) end

-- The heads of the functions: from the type to before the body.
local function heads(stub)
  local list = {}
  for head in ('\n' .. stub):gmatch('\n(%a[%w_* ]*%b())%s*{') do table.insert(list, head .. ';') end
  return table.concat(list, '\n')
end

-- What an answer may call, and of which type its numbers are; CODE sets a name.
local texts, cuda = {}, {}                     -- number of a lab -> its lab.txt; is it in CUDA?
function book.allowed(n, code)
  local names, say = pandoc.List(), pandoc.List()
  local head = '\n' .. (texts[n] or ''):gsub('\n%s*\n.*', '')
  for list in head:gmatch('\nuses: *([^\n]*)') do
    for name in list:gmatch('%S+') do names:insert(name) end
  end
  local function words(s)
    for word in s:gmatch('%S+') do say:extend{word == 'real' and code(word) or pandoc.Str(word), pandoc.Space()} end
  end
  if #names > 0 then words('The answer may call') end
  for i, name in ipairs(names) do
    say:extend{code(name), pandoc.Str(i == #names and '.' or i == #names - 1 and ' and' or ','), pandoc.Space()}
  end
  if cuda[n] then words('The answer copies nothing to the host.') end
  if field(head, 'real') == 'double' then words('Here real is double.') end
  return say
end
function book.title(n) return field(texts[n] or '', 'title') end

local function handout(lab)
  local text, n = lab.text, ('%02d'):format(lab.n)
  local signatures = heads(lab.stub or '')
  local out = pandoc.List{
    pandoc.Header(2, inlines(('Lab %d: %s'):format(lab.n, field(text, 'title'))), {id='sec:handouts-' .. n}),
    pandoc.Para{pandoc.Str('Name:'), pandoc.Space(), blank(), pandoc.Space(), pandoc.Str('Date:'), pandoc.Space(), blank()}}
  local line = pandoc.List{pandoc.Str('To be solved before reading on at'), pandoc.Space(), pandoc.Link('its box', '#' .. lab.id),
    pandoc.Str((' in Chapter\u{a0}%s. Time: %s. Rating:\u{a0}%s.'):format(field(text, 'chapter'), field(text, 'time'), field(text, 'level')))}
  line:insert(pandoc.Space())
  line:extend(book.allowed(lab.n, code))
  out:insert(pandoc.Para(line))
  -- most texts have it themselves
  local function squeezed(s) return (s:gsub('%s+', '')) end
  if signatures ~= '' and not squeezed(text):find(squeezed(signatures), 1, true) then out:insert(pandoc.CodeBlock(signatures, {class='c'})) end
  out:extend(blocks(text:match('\n%s*\n(.*)$') or ''))
  out:insert(pandoc.Para{code('make lab N=' .. n), pandoc.Str(' puts this text and a file with what is given into '),
    code('lab/' .. n), pandoc.Str('; '), code('make check-lab N=' .. n), pandoc.Str(' checks '), code('lab/' .. n .. '/answer.' .. (lab.ending or 'c')),
    pandoc.Str(' and says what is wrong; '), code('make hint N=' .. n), pandoc.Str(' gives the next of three hints.')})
  out:insert(pandoc.Para(inlines('Graded are the tests of the check that pass, of those that the empty file does not pass. ' ..
    'The answer keeps nothing between calls, and has a minute and a gibibyte.' ..
    (lab.ending == 'cu' and ' It runs in the emulator, with the checker of races and bounds, in several orders of blocks, warps and lanes.' or ''))))
  return out
end

local function expand(doc)
  local labs, byfolder = {}, {}
  local function at(folder)
    byfolder[folder] = byfolder[folder] or {}
    return byfolder[folder]
  end
  pandoc.walk_block(pandoc.Div(doc), {Div = function (d)
    if d.classes:includes('lab') then labs[tonumber(d.attributes.n) or 0] = d.identifier end
    local folder, file = (d.attributes.roots or ''):match('^exercises/(%d+)[^/|]*/([%a.]+)$')
    if file == 'lab.txt' or file == 'stub.c' or file == 'stub.cu' then
      local key, s = file == 'lab.txt' and 'text' or 'stub', d.content[2].text:gsub('\u{E000}', '')
      local l = at(tonumber(folder))
      l[key] = (l[key] and l[key] .. '\n' or '') .. s
      if key == 'stub' then l.ending = file:match('%a+$') end
    end
  end})
  local out, numbers = pandoc.List(), {}
  for n, l in pairs(byfolder) do
    if l.text and labs[n] then table.insert(numbers, n); l.n, l.id = n, labs[n] end
    texts[n], cuda[n] = l.text, l.ending == 'cu'
  end
  table.sort(numbers)
  for _, n in ipairs(numbers) do out:extend(handout(byfolder[n])) end
  return pandoc.walk_block(pandoc.Div(doc), {Div = function (d)
    if d.identifier == 'nwhandouts' then return out end
  end}).content
end

return { expand=expand }
end
