# names.awk: noweb filter, for tangling only. Where a C or CUDA chunk is used
# on a line of its own, the chunk's name goes into the program as a comment
# above it, so that code/ can be read without the book. (pbrt does the same.)
#
# With -v marks=1 every line of code begins with a mark that says where it
# comes from: \001 file:line \002 chunk \003. The script `where' reads them.

/^@file /  { file = substr($0, 7); row = 1 }
/^@begin/  { code = $2 == "code"; fresh = 0 }
/^@defn /  { name = substr($0, 7); if (name ~ /\.(c|h|cu|cuh)$/) c[name] = 1 }
/^@use / && code { n++; from[n] = name; to[n] = substr($0, 6) }
{
    line[NR] = $0
    if (code && fresh && /^@(text|use|nl)/) { mark[NR] = "\001" file ":" row "\002" name "\003"; fresh = 0 }
}
/^@nl/       { row++; fresh = 1 }
/^@index nl/ { row++ }

END {
    do {                        # a chunk is C if it is used in one that is C
        more = 0
        for (i = 1; i <= n; i++)
            if (c[from[i]] && !c[to[i]]) more = c[to[i]] = 1
    } while (more)
    for (i = 1; i <= NR; i++) {
        if (line[i] ~ /^@begin/) code = line[i] ~ /code/
        if (code && line[i] ~ /^@text [ \t]*$/ && line[i+1] ~ /^@use / && alone(i + 2)) comment(i, line[i], line[i+1])
        else if (code && line[i] ~ /^@use / && line[i-1] !~ /^@text/ && alone(i + 1)) comment(i, "@text ", line[i])
        show(i)
        print line[i]
    }
}
function alone(i) { if (line[i] ~ /^@text *$/) i++; return line[i] ~ /^@nl/ }
function show(i) { if (marks && i in mark) print "@text " mark[i] }
function comment(i, indent, use) {
    sub(/^@use /, "", use)
    if (!c[use]) return
    gsub(/\[\[|\]\]|[$\\]/, "", use)
    show(i)
    print indent "// " toupper(substr(use, 1, 1)) substr(use, 2); print "@nl"
}
