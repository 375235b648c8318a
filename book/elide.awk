# elide.awk: noweb filter, for weaving only. Leaves out of print the sources of
# figures and, of an exercise, all but the stub and the text of the lab, with the
# prose that leads from there to what is left out; and the chunks that nothing else
# uses. Says with `@line' where each chunk begins.

function printed(name) {
    if (name ~ /^figures\//) return 0
    if (name ~ /^exercises\//) return name ~ /\/(stub\.[a-z]+|lab\.txt)$/
    return 1
}

function exercise(name) { return name ~ /^exercises\// || name in lab }

/^@file /  { file = substr($0, 7); row = 1 }
/^@begin/  { code = $2 == "code"; begin = NR; start[NR] = row }
/^@defn /  { name = substr($0, 7); chunk[begin] = name; defined[name] = 1 }
/^@use / && code { n++; from[n] = name; to[n] = substr($0, 6); used[to[n]] = 1 }
/^@nl/ || /^@index nl/ { row++ }
/^@text (#|:::|```)/ && !code { stays[begin] = 1 }     # a heading, a box
{ line[NR] = $0 }

END {
    for (name in defined)
        if (!used[name] && printed(name)) show[name] = 1
    do {
        more = 0
        for (i = 1; i <= n; i++)
            if (show[from[i]] && !show[to[i]]) more = show[to[i]] = 1
    } while (more)
    do {
        more = 0
        for (i = 1; i <= n; i++)
            if (exercise(from[i]) && !(to[i] in lab)) more = lab[to[i]] = 1
    } while (more)
    for (i = NR; i >= 1; i--)
        if (i in chunk) after = exercise(chunk[i]) && !show[chunk[i]]
        else if (i in start) leads[i] = after && !stays[i]
    for (i = 1; i <= NR; i++) {
        if (i in chunk) { hide = !show[chunk[i]]; before = exercise(chunk[i]) }
        else if (i in start) hide = before && leads[i]
        if (i in start) at = "@line " start[i]
        if (hide) continue
        print line[i]
        if (i in start) print at
    }
}
