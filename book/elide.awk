# elide.awk: noweb filter, for weaving only. Leaves out of print the sources of
# figures and, of an exercise, all but the stub and the text of the lab; and
# the chunks that nothing else uses. Says with `@line' where each chunk begins.

function printed(name) {
    if (name ~ /^figures\//) return 0
    if (name ~ /^exercises\//) return name ~ /\/(stub\.[a-z]+|lab\.txt)$/
    return 1
}

/^@file /  { file = substr($0, 7); row = 1 }
/^@begin/  { code = $2 == "code"; begin = NR; start[NR] = row }
/^@defn /  { name = substr($0, 7); chunk[begin] = name; defined[name] = 1 }
/^@use / && code { n++; from[n] = name; to[n] = substr($0, 6); used[to[n]] = 1 }
/^@nl/ || /^@index nl/ { row++ }
{ line[NR] = $0 }

END {
    for (name in defined)
        if (!used[name] && printed(name)) show[name] = 1
    do {
        more = 0
        for (i = 1; i <= n; i++)
            if (show[from[i]] && !show[to[i]]) more = show[to[i]] = 1
    } while (more)
    for (i = 1; i <= NR; i++) {
        if (i in start) { hide = i in chunk && !show[chunk[i]]; at = "@line " start[i] }
        if (hide) continue
        print line[i]
        if (i in start) print at
    }
}
