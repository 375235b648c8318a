-- margin.lua: loaded by book.latex. Moves the notes of a finished page into its
-- margin: each beside its place, no two over one another, none below the foot.
-- And writes down how much of each page is prose, program, tests, ... (\nwkind), and
-- how much is off the semester's path (\nwoff).

local GAP = tex.sp('4pt')
local attribute = luatexbase.registernumber('nwnoteattr')
local HLIST, VLIST = node.id('hlist'), node.id('vlist')
local KERN, GLUE, RULE = node.id('kern'), node.id('glue'), node.id('rule')

-- How far down what stands in a vertical box takes us.
local function step(n, box)
  if n.id == KERN then return n.kern end
  if n.id == GLUE then return math.floor(node.effective_glue(n, box) + .5) end
  if n.id == HLIST or n.id == VLIST or n.id == RULE then return n.height + n.depth end
  return 0
end

local inside

-- Takes the notes out of BOX, whose reference point is at height Y, into FOUND;
-- returns the height of its lower end. Heights count downwards.
local function child(n, y, box, found)
  if n.id == HLIST and node.has_attribute(n, attribute) then
    table.insert(found, {y=y, box=n.list})
    n.list = nil
    box.list = node.remove(box.list, n)
    node.free(n)
  else inside(n, y, found) end
end

function inside(box, y, found)
  local at, n = box.id == VLIST and y - box.height or y, box.list
  while n do
    local after, down = n.next, box.id == VLIST and step(n, box) or 0
    if n.id == HLIST or n.id == VLIST then
      if box.id == HLIST then child(n, y + n.shift, box, found)
      else child(n, at + n.height, box, found) end
    end
    at = at + down
    n = after
  end
  return at
end

-- From above, each below the one before; then from the foot, each above the next.
local function settle(found, top, foot)
  local free = top
  for _, note in ipairs(found) do
    note.top = math.max(note.y - note.box.height, free)
    free = note.top + note.box.height + note.box.depth + GAP
  end
  for i = #found, 1, -1 do
    local note = found[i]
    note.top = math.min(note.top, foot - note.box.height - note.box.depth)
    foot = note.top - GAP
  end
  return #found == 0 or found[1].top >= top
end

local function kern(size)
  local k = node.new('kern', 1)
  k.kern = size
  return k
end

function nwmargin(page)
  local sheet, found = tex.box.ShipoutBox, {}
  local down = inside(sheet, sheet.height, found)
  for i, note in ipairs(found) do note.i = i end
  table.sort(found, function (a, b) if a.y ~= b.y then return a.y < b.y end return a.i < b.i end)
  local top = tex.dimen.topmargin + tex.dimen.headheight + tex.dimen.headsep
  if not settle(found, top, top + tex.dimen.textheight) then
    texio.write_nl('nw: the notes in the margin of page ' .. page .. ' run off its foot')
    texio.write_nl('')
  end
  local across = tex.dimen.oddsidemargin + tex.dimen.textwidth + tex.dimen.marginparsep
  local tail = node.tail(sheet.list)
  for _, note in ipairs(found) do
    local b = note.box
    b.shift = across
    for _, n in ipairs{kern(note.top - down), b, kern(down - note.top - b.height - b.depth)} do
      sheet.list, tail = node.insert_after(sheet.list, tail, n)
    end
  end
end

-- Lines of the text block, by kind, and what is left empty below them.
local kindof, offof = luatexbase.registernumber('nwkindattr'), luatexbase.registernumber('nwoffattr')
local file
local function lines(box, y, area, seen)
  local at, n = box.id == VLIST and y - box.height or y, box.list
  while n do
    if n.id == HLIST or n.id == VLIST then
      local size, base = n.height + n.depth, box.id == VLIST and at + n.height or y + n.shift
      local top = base - n.height
      local page = size > area.height * .9 or n.id == VLIST
      if page then lines(n, base, area, seen)
      elseif box.id == VLIST and size > 0 and top >= area.top - 65536 and top + size <= area.top + area.height + 655360 then
        local kind = node.has_attribute(n, kindof) or 0
        seen[kind] = (seen[kind] or 0) + size
        if node.has_attribute(n, offof) == 1 then seen.off = seen.off + size end
        seen.low = math.max(seen.low, top + size)
      end
    end
    if box.id == VLIST then at = at + step(n, box) end
    n = n.next
  end
end

function nwkinds(name)
  file = file or io.open(name, 'w')
  local sheet, area = tex.box.ShipoutBox, {height=tex.dimen.textheight}
  area.top = tex.dimen.topmargin + tex.dimen.headheight + tex.dimen.headsep
  local seen = {low=area.top, off=0}
  lines(sheet, sheet.height, area, seen)
  local used, parts = 0, {}
  for kind = 0, 6 do used = used + (seen[kind] or 0) end
  local low = math.min(math.max(0, (seen.low - area.top) / area.height), 1)
  for kind = 0, 6 do table.insert(parts, ('%.3f'):format(used > 0 and low * (seen[kind] or 0) / used or 0)) end
  file:write(table.concat(parts, ' '), (' %.3f %.3f'):format(1 - low, used > 0 and seen.off / used or 1), '\n')
  file:flush()
end

-- A break anywhere in this box, when it is unpacked, costs so much at least.
function nwkeep(box, cost)
  local list = tex.box[box].head
  local before
  for n in node.traverse(list) do
    if n.id == node.id('penalty') then n.penalty = math.max(n.penalty, cost)
    elseif n.id == node.id('glue') and before and before.id ~= node.id('penalty') and before.id ~= node.id('glue') then
      local p = node.new('penalty')
      p.penalty = cost
      node.insert_before(list, n, p)
    end
    before = n
  end
end
