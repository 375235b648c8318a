# uses.awk: noweb filter, in place of noweb's finduses, which takes C for plain
# text. Marks the uses of defined names as `@index use NAME': not in comments,
# strings or #include lines, not for members of structures, and for a name that
# may as well be a variable only where it cannot be one: a tag after `struct',
# a function called `step' before a parenthesis. Quoted code in the prose is
# marked wherever a defined name stands in it. A static name is marked only in
# its own file, and in the prose of the chapter that defines it.

function ordinary(name) { return name !~ /[_A-Z0-9]/ }

function linked(name, before, after) {
    if (!(name in kind)) return 0
    if (name in home && (quote ? chapter[name] != here : index(files[chunk], " " home[name] " ") == 0)) return 0
    if (before ~ /(^|[^.])\.$|->$/) return 0
    if (quote) return 1
    if (kind[name] == "tag") return before ~ /(struct|union|enum) +$/
    if (kind[name] == "function" && ordinary(name)) return after ~ /^ *\(/
    return 1
}

function put(s) { buffer = buffer s; before = substr(before s, length(before s) - 9) }
function flush() { if (buffer != "") print "@text " buffer; buffer = "" }

# One line of C: in pieces that are a comment, a string, a word or other.
function scan(s) {
    if (s == "") { print "@text "; return }
    while (s != "") {
        if (comment) {
            if (!match(s, /\*\//)) { put(s); break }
            RLENGTH = RSTART + 1; comment = 0
        } else if (match(s, /^\/\/.*/)) ;
        else if (match(s, /^\/\*/)) comment = 1
        else if (match(s, /^"([^"\\]|\\.)*"?/)) ;
        else if (match(s, /^'([^'\\]|\\.)*'?/)) ;
        else if (before == "" && match(s, /^#include.*/)) ;
        else if (match(s, /^[0-9][A-Za-z_0-9.]*/)) ;
        else if (match(s, /^[A-Za-z_][A-Za-z_0-9]*/)) {
            name = substr(s, 1, RLENGTH)
            if (linked(name, before, substr(s, RLENGTH + 1))) { flush(); print "@index use " name }
            put(name)
            if (buffer == name) flush()
            s = substr(s, RLENGTH + 1)
            continue
        } else if (!match(s, /^[^A-Za-z_0-9"'\/]+/)) RLENGTH = 1
        put(substr(s, 1, RLENGTH))
        s = substr(s, RLENGTH + 1)
    }
    flush()
}

# Which files is a chunk part of? A list, with a space around each name.
function spread(    more, i, k, part, count) {
    do {
        more = 0
        for (i = 1; i <= m; i++) {
            count = split(files[from[i]], part, " ")
            for (k = 1; k <= count; k++)
                if (index(files[to[i]], " " part[k] " ") == 0) {
                    files[to[i]] = files[to[i]] (files[to[i]] == "" ? " " : "") part[k] " "
                    more = 1
                }
        }
    } while (more)
}

/^@file /       { here = $2 }
/^@kind / && NF > 3 { home[$3] = $4; chapter[$3] = here }
/^@kind /       { kind[$3] = kind[$3] == "" || kind[$3] == $2 || kind[$3] == "tag" ? $2 : kind[$3] }
/^@index defn / { if (line[n] !~ /^@kind/) kind[substr($0, 13)] = "said" }
/^@begin/       { code = $2 == "code" }
/^@defn /       { name = substr($0, 7); if (name ~ /^[^ ]+\.(c|h|cu|cuh)$/) files[name] = " " name " " }
/^@use / && code { m++; from[m] = name; to[m] = substr($0, 6) }
{ line[++n] = $0 }

END {
    spread()
    for (i = 1; i <= n; i++) {
        s = line[i]
        if (s ~ /^@kind /) continue
        if (s ~ /^@begin/) { inc = 0; comment = 0 }
        else if (s ~ /^@file /) here = substr(s, 7)
        else if (s ~ /^@defn /) { chunk = substr(s, 7); inc = files[chunk] != "" }
        else if (s ~ /^@quote/) { quote = 1; comment = 0; before = "" }
        else if (s ~ /^@endquote/) quote = 0
        else if (s ~ /^@nl/) before = ""
        if (s ~ /^@text / && (inc || quote)) scan(substr(s, 7))
        else print s
    }
}
