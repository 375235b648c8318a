-- subjects.lua: part of book.lua. The index: terms where they are explained, and
-- what book/subjects.txt lists.

return function (book, numbers)

local raw, rawblock = book.raw, book.rawblock

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
  local function count(name)
    local head = name:match('^(.-), ')
    if head then parts[head] = (parts[head] or 0) + 1 end
  end
  names:map(count)
  for name, to in pairs(see) do
    if not places[to] and not parts[to] then
      if book.complete then book.complain(book.subjects .. ': ' .. name, 'the index has no ' .. to) end
    elseif not places[name] then names:insert(name); count(name) end
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

return { term=term, termcase=termcase, subjects=subjects, termindex=termindex }
end
