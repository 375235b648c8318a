-- index.lua: loaded by book.latex. Prints the pages of an index entry from the
-- labels in LIST, separated by commas: definitions (marked !) first and bold,
-- every page once, three or more in a row as a range. Of what is used on very
-- many pages, only the definition.

local OFTEN = 30

local function page(label)
  return tonumber(token.get_macro('nw@page@' .. label) or '')
end

local function link(label, text) return ('\\hyperlink{noweb.%s}{%s}'):format(label, text) end

-- One label for every page that is not yet in SEEN.
local function sorted(labels, seen)
  local list = {}
  for _, label in ipairs(labels) do
    local p = page(label)
    if p and not seen[p] then
      seen[p] = true
      table.insert(list, {page=p, label=label})
    end
  end
  table.sort(list, function (a, b) return a.page < b.page end)
  return list
end

local function ranges(list, out)
  local i = 1
  while i <= #list do
    local j = i
    while list[j + 1] and list[j + 1].page == list[j].page + 1 do j = j + 1 end
    local text = link(list[i].label, list[i].page)
    if j >= i + 2 then text = text .. '–' .. link(list[j].label, list[j].page) else j = i end
    table.insert(out, text)
    i = j + 1
  end
end

function nwpages(list)
  local defined, used, seen, out = {}, {}, {}, {}
  for mark, label in list:gmatch('(!?)([^,]+)') do
    table.insert(mark == '!' and defined or used, label)
  end
  for _, x in ipairs(sorted(defined, seen)) do
    table.insert(out, '\\textbf{' .. link(x.label, x.page) .. '}')
  end
  used = sorted(used, seen)
  if #used > OFTEN and #out > 0 then table.insert(out, '\\textit{passim}') else ranges(used, out) end
  tex.sprint(table.concat(out, ', '))
end
