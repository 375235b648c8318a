-- exam.lua: a pandoc filter for book/exam.md. Prints the questions; with -M
-- answers=yes the answers, each below the name of its question.

function Pandoc(doc)
  local answers = doc.meta.answers ~= nil
  local out, n, points, name, answered = pandoc.List(), 0, 0, nil, 0
  local function raw(s) return pandoc.RawInline('latex', s) end
  for _, d in ipairs(doc.blocks) do
    if d.t ~= 'Div' then io.stderr:write('exam: what is neither question nor answer\n'); os.exit(1) end
    local first = d.content[1]
    if d.classes[1] == 'question' then
      n, points = n + 1, points + tonumber(d.attributes.points)
      name = {raw(('\\question{%d}{%s}'):format(n, d.attributes.points)), first.content[1], pandoc.Space()}
      if not answers then
        first.content:insert(1, name[1])
        out:extend(d.content)
      end
    elseif d.classes[1] == 'answer' then
      answered = answered + 1
      if answers then out:insert(pandoc.Plain(name)); out:extend(d.content) end
    end
  end
  if points ~= 100 or n ~= 10 or answered ~= n then
    io.stderr:write(('exam: %d questions, %d answers, %d points\n'):format(n, answered, points)); os.exit(1)
  end
  return pandoc.Pandoc(out, doc.meta)
end
