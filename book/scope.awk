# scope.awk: noweb filter, for weaving; in place of noweb's finduses, which
# takes C for plain text. Marks what the C and CUDA of code/ and tests/ define
# (functions, types, macros, constants, variables) as `@index defn NAME', and
# where a defined name is used, also in quoted code, as `@index use NAME'.
#
# It reads each file as the compiler does, chunk within chunk, and counts the
# braces, so that it knows what a name stands for: a member, a tag, a local
# variable or parameter, something of this file alone, or of a header that the
# file includes. Only tags and the last two are marked. A name that stands for
# several things in the book is written `NAME FILE'. Quoted code in the prose
# means what it means in the nearest piece of code of the chapter.
#
# It trusts the layout of this book: at file level code begins in column one, a
# star stands before the name that it belongs to, a multiplication has blanks.
# What it does not find, %def names.

function header(f) { return f ~ /\.(h|cuh)$/ }
function stem(f)   { sub(/\.[a-z]+$/, "", f); return f }
function word(s)   { return match(s, /[A-Za-z_][A-Za-z_0-9]*$/) ? substr(s, RSTART) : "" }
function push(list, x, sep) { return list (list == "" ? "" : sep) x }

# What is defined ---------------------------------------------------------------

# NAME is defined in the line AT of FILE. Its key is NAME and where it belongs:
# to a file ALONE, or to a header and what that declares. A SPACE is that of
# tags, or the plain one. A name of one letter is no name, unless %def says so.
function found(space, name, at, alone,    key) {
    if (pass != 1 || length(name) < 2 || name ~ /^(main|__attribute__)$|_H$/) return
    if ((at, name) in keyat) key = keyat[at, name]           # an earlier file has this chunk
    else if (exercise && !alone) return                      # in place of the book's
    else if (!exercise) {
        key = keyat[at, name] = name " " (alone ? file : stem(file))
        enlist(space, name, key, alone)
        mark(at, key)
    }
    own[space, name, file] = key                             # of an exercise: none
}
function enlist(space, name, key, alone) {
    if (!(key in home)) { home[key] = file; keys[name] = push(keys[name], key, "\n") }
    if (alone || (space, key) in shared) return
    shared[space, key] = 1
    common[space, name] = push(common[space, name], key, "\n")
}
# Once for each piece of a chunk.
function mark(at, key) {
    if ((inpiece[at], key) in marked) return
    marked[inpiece[at], key] = 1
    defines[at] = push(defines[at], key, "\n")
}
function promise(name) { promised[name, file] = 1 }

# A line in column one. A function may go on until its brace: MAYBE. What the
# line says of all the names that it declares: LINKAGE.
function toplevel(line, at,    head) {
    gsub(/__launch_bounds__\([^)]*\) *|__attribute__ *\(\([^()]*(\([^()]*\)[^()]*)*\)\) */, "", line)
    linkage = match(line, /^(typedef|extern|static) /) ? substr(line, 1, RLENGTH - 1) : ""
    if (match(line, /^START_TEST\([A-Za-z_0-9]+/))
        found("plain", word(substr(line, 1, RLENGTH)), at, 1)
    else if (match(line, /^typedef [^(]*(\(\*|[ *])[A-Za-z_][A-Za-z_0-9]*\)?\(/))
        found("plain", word(gensub(/\)?\($/, "", 1, substr(line, 1, RLENGTH))), at, !header(file))
    else if (line !~ /^(return|else|if|for|while|switch|do|case|goto|typedef|extern)[^A-Za-z_0-9]/ || line ~ /^extern "C" /) {
        head = line
        if (sub(/\(.*/, "", head) && head ~ /[ *][A-Za-z_][A-Za-z_0-9]*$/ && head !~ /[=;]/) {
            maybe = word(head); maybeat = at; maybealone = linkage == "static" && !header(file)
        }
    }
}
function perhaps(s) {
    if (maybe == "" || s !~ /[{;]/) return
    if (s ~ /\{/) found("plain", maybe, maybeat, maybealone)
    else promise(maybe)
    maybe = ""
}

# What %def says is defined, if it was not found.
function byhand(name, at,    n, i, f, key) {
    n = split(files[chunkof[at]], f, " ")
    for (i = 1; i <= n && key == ""; i++)
        key = ("plain", name, f[i]) in own ? own["plain", name, f[i]] : own["tag", name, f[i]]
    if (key == "") {
        file = f[1]
        key = name " " (header(file) ? stem(file) : file)
        enlist("plain", name, key, n && !header(file)); enlist("tag", name, key, n && !header(file))
        for (i = 1; i <= n; i++) own["plain", name, f[i]] = own["tag", name, f[i]] = key
    }
    mark(at, key)
}

# What a name means -------------------------------------------------------------

# The files that F includes, they themselves and what they include.
function included(f) {
    if (!(f in reached)) { reached[f] = " " f " "; reach(f, f) }
    return reached[f]
}
function reach(f, g,    n, i, part) {
    n = split(includes[g], part, " ")
    for (i = 1; i <= n; i++)
        if (!index(reached[f], " " part[i] " ")) {
            reached[f] = reached[f] part[i] " "
            reach(f, part[i])
        }
}
function include(path, from,    i, try) {
    split("code/" path "\ntests/" path "\n" gensub(/[^\/]*$/, "", 1, from) path, try, "\n")
    for (i = 1; i <= 3; i++)
        if (try[i] in count) { includes[from] = push(includes[from], try[i], " "); return }
}

# The key of NAME in FILE: its own, or that of what is included; or none.
function meaning(space, name,    key, n, m, i, k, part, f) {
    if ((space, name, file) in known) return known[space, name, file]
    if ((space, name, file) in own) key = own[space, name, file]
    else {
        m = split(included(file), f, " ")
        n = split(common[space, name], part, "\n")
        for (i = 1; i <= n; i++)
            for (k = 1; k <= m; k++)
                if (home[part[i]] == f[k] || (name, f[k]) in promised) {
                    key = key == "" || key == part[i] ? part[i] : "?"
                    break
                }
        for (k = 2; k <= m && key == ""; k++)
            if (!header(f[k]) && (space, name, f[k]) in own) key = own[space, name, f[k]]
        if (key == "?") key = ""
    }
    return known[space, name, file] = key
}

# The word NAME at COLUMN of the line AT means KEY, or nothing that is marked. If
# several files have this chunk: what they agree on. An exercise that shows a
# chunk of the book has no say.
function means(at, column, name, key,    was) {
    if (exercise && (at in ofbook)) return
    if (!exercise) ofbook[at] = 1
    if ((at, column) in use) {
        was = use[at, column]
        key = was == "" || was == key ? key : key == "" ? was : "?"
    } else columns[at] = push(columns[at], column, " ")
    use[at, column] = key; length_of[at, column] = length(name)
    if (occurs[inpiece[at], name] == "" && key != "?") occurs[inpiece[at], name] = key
}

# Reading C ----------------------------------------------------------------------

# P is what came before: a word, @tag after `struct', @record after the closing
# brace of a structure, a sign. STARS came in between.
function read(f) {
    file = f; exercise = f ~ /^exercises/
    level = paren = loop = locals = stars = comment = declaring = 0
    kind[0] = "file"; p = ";"; directive = maybe = linkage = ""; fresh = 1
    split("", hidden)
    walk(f, 1)
}

# Chunk NAME; TOP says whether its column one is that of the file.
function walk(name, top,    i, at, s) {
    if (name in inside) return
    inside[name] = 1
    if (pass == 1 && !index(" " files[name] " ", " " file " ") && !exercise) files[name] = push(files[name], file, " ")
    for (i = 1; i <= count[name]; i++) {
        at = item[name, i]; s = line[at]
        if (s ~ /^@nl/) newline()
        else if (s ~ /^@use /) { if (substr(s, 6) in count) walk(substr(s, 6), top && fresh == 1) }
        else if (s != "@text ") {
            s = substr(s, 7)
            if (fresh == 1 && top && !comment && directive == "") {
                if (s ~ /^}/) while (level > 1) leave()
                if (s ~ /^[A-Za-z_]/) { forget(1); level = paren = 0; toplevel(s, at) }
            }
            if (!comment) perhaps(s)
            scan(s, at)
            continued = s ~ /\\$/
        }
    }
    delete inside[name]
}
function newline() {
    fresh = 1
    if (directive != "" && !continued) {
        if (directive != "skip") { forget(500); level = saved["level"]; paren = saved["paren"]; p = saved["p"]; declaring = 0 }
        directive = ""
    }
    continued = 0
}

# A directive is read in a scope of its own, if it is one that has names.
function direct(s, at,    n, i, part) {
    directive = "skip"
    if (pass == 1 && s ~ /^# *include *"/) include(gensub(/^[^"]*"([^"]*)".*/, "\\1", 1, s), file)
    if (s ~ /^# *(include|pragma|error)/) return ""
    directive = "if"
    saved["level"] = level; saved["paren"] = paren; saved["p"] = p
    level = 500; kind[level] = "block"; paren = 0; p = ";"; declaring = 0
    if (!match(s, /^# *define +[A-Za-z_][A-Za-z_0-9]*/)) return gensub(/^# *[a-z]*/, "", 1, s)
    directive = "define"
    found("plain", word(substr(s, 1, RLENGTH)), at, !header(file))
    s = substr(s, RLENGTH + 1)
    if (match(s, /^\([^)]*\)/)) {
        n = split(substr(s, 2, RLENGTH - 2), part, / *, */)
        for (i = 1; i <= n; i++) hide(part[i], level)
        s = substr(s, RLENGTH + 1)
    }
    return s
}

function hide(name, l) { hidden[name]++; local[++locals] = name; depth[locals] = l }
function forget(l)     { while (locals && depth[locals] >= l) hidden[local[locals--]]-- }
function enter(what)   { kind[++level] = what; outer[level] = paren; paren = 0 }
function leave()       { if (level > 0) { forget(level); paren = outer[level--] } }
function token(x)      { p = x; stars = 0 }

function scan(s, at,    size, c) {
    size = length(s)
    while (s != "") {
        if (comment) {
            if (!match(s, /\*\//)) return
            s = substr(s, RSTART + 2); comment = 0
            continue
        }
        c = substr(s, 1, 1)
        if (c == " ") { match(s, /^ +/); if (fresh) fresh = 2 }
        else if (c == "#" && fresh) {
            fresh = 0
            s = direct(s, at)
            continue
        } else if (directive == "skip") return
        else {
            fresh = 0
            if (match(s, /^[A-Za-z_][A-Za-z_0-9]*/)) {
                c = substr(s, 1, RLENGTH)
                identifier(c, substr(s, RLENGTH + 1), size - length(s) + 1, at)
                RLENGTH = length(c)
            } else if (s ~ /^\/\//) return
            else if (match(s, /^\/\*/)) comment = 1
            else if (match(s, /^"([^"\\]|\\.)*"?/)) token("\"")
            else if (match(s, /^'([^'\\]|\\.)*'?/)) token("'")
            else if (match(s, /^\.?[0-9]([eEpP][-+]|[A-Za-z_0-9.])*/)) token("0")
            else if (match(s, /^->/)) token(".")
            else if (match(s, /^\.\.\./)) token("0")
            else if (match(s, /^\*+/)) { stars++; spaced = substr(s, RLENGTH + 1, 1) == " " }
            else { punctuation(c); RLENGTH = 1 }
        }
        s = substr(s, RLENGTH + 1)
    }
}

function punctuation(c) {
    if (c == "(") {
        if (p == "for") loop = paren + 1
        before[++paren] = p
    } else if (c == ")") {
        if (paren > 0) paren--
        if (paren < loop) loop = 0
    } else if (c == "{")
        enter(p == "enum" || p == "@tag" && tag == "enum" ? "enum" : p ~ /^(struct|union|@tag)$/ ? "struct" : "block")
    else if (c == "}") {
        if (kind[level] != "block") c = "@record"
        leave()
    } else if (c == ";") {
        declaring = 0
        if (level == 0 && paren == 0) forget(1)
    }
    token(c)
}

# May X be the end of a type? Not these words, before other words.
function typelike(x) {
    return x ~ /^[A-Za-z_@]/ && x !~ /^(return|else|goto|case|sizeof|do|struct|union|enum|typedef|for|if|while|switch|default)$/
}
# Is all around level L a structure of the file?
function ofrecord(l) { for (; l > 0; l--) if (kind[l] != "struct") return 0; return 1 }

# NAME, with AFTER it in its line. A declaration is two words in a row, or goes
# on after a comma. What is declared at the level of the file is defined.
function identifier(name, after, column, at,    is, inner) {
    if (name ~ /^(const|restrict|volatile|static|extern|inline|register)$/) { spaced = 0; return }
    if (p == ".") { member(at, name); token("0"); return }
    if (p ~ /^(struct|union|enum)$/) {
        tag = p
        if (after ~ /^ *(\{|$)/ && ofrecord(level)) found("tag", name, at, !header(file))
        if (pass == 2 && name in keys) means(at, column, name, meaning("tag", name))
        token("@tag")
        return
    }
    if (p == "goto" || p ~ /^[;{}]$/ && after ~ /^:/) { token(name); return }
    if (kind[level] == "enum" && paren == 0 && p ~ /^[{,]$/) {
        if (ofrecord(level - 1)) found("plain", name, at, !header(file))
        else hide(name, level - 1)
    } else if (directive != "if") {
        if (after ~ /^ *([;,=[):]|__attribute__|$)/)
            is = typelike(p) && !(stars && spaced) || p == "," && declaring && level == declaredat && paren == declaredin
        else if (p == "(" && stars && after ~ /^(\[[^]]*\])?\)[([]/)
            inner = is = typelike(before[paren])                       # int (*f)(int)
        if (is && (paren == 0 || paren == loop)) { declaring = 1; declaredat = level; declaredin = paren }
        if (is && kind[level] == "struct") { member(at, name); token(name); return }
        if (is && (level > 0 || paren > inner)) hide(name, level == 0 ? 1 : level)
        else if (is && linkage == "extern") promise(name)
        else if (is) found("plain", name, at, !header(file) && linkage != "")
    }
    if (pass == 2 && name in keys) means(at, column, name, hidden[name] > 0 ? "" : meaning("plain", name))
    token(name)
}
# A member: no more than a local is it linked in the prose.
function member(at, name) {
    if (pass == 2 && name in keys && !((inpiece[at], name) in occurs)) occurs[inpiece[at], name] = ""
}

# The prose ----------------------------------------------------------------------

# The meaning of NAME in the nearest piece of code that has it, from the HERE-th
# on; or else what all the book means by it.
function nearest(name,    d, i, near) {
    near = 1
    for (d = 0; near; d++) {
        near = 0
        for (i = here + d; i >= here - d; i -= 2 * d + !d)
            if (i > 0 && i <= pieces && chapterof[piece[i]] == chapter) {
                near = 1
                if ((piece[i], name) in occurs) return occurs[piece[i], name]
            }
    }
    if (length(name) > 1 && (("plain", keys[name]) in shared || ("tag", keys[name]) in shared)) return keys[name]
}
function quoted(s, at,    size, name, key) {
    size = length(s)
    for (; s != ""; s = substr(s, RLENGTH + 1)) {
        if (match(s, /^[A-Za-z_][A-Za-z_0-9]*/)) {
            name = substr(s, 1, RLENGTH)
            if (name in keys && lead !~ /[.\/]$|->$/) {
                key = lead ~ /^(struct|union|enum) +$/ ? common["tag", name] : "\n"
                if (key ~ /\n/) key = nearest(name)
                columns[at] = push(columns[at], size - length(s) + 1, " ")
                use[at, size - length(s) + 1] = key; length_of[at, size - length(s) + 1] = length(name)
            }
            match(s, /^[A-Za-z_0-9]+ */)
        } else if (!match(s, /^("([^"\\]|\\.)*"?|[0-9][A-Za-z_0-9.]*|->)/)) RLENGTH = 1
        lead = substr(s, 1, RLENGTH)
    }
}

# The stream ---------------------------------------------------------------------

/^@file /       { chapter = substr($0, 7) }
/^@begin/       { code = $2 == "code"; begin = NR; nls = 0 }
/^@end/         { code = 0 }
/^@defn /       {
    chunk = substr($0, 7); count[chunk] += 0
    piece[++pieces] = begin; chapterof[begin] = chapter
    if (chunk ~ /^(code|tests|exercises)\/.*\.(c|h|cu|cuh)$/ && !(chunk in isroot)) { isroot[chunk] = 1; root[++roots] = chunk }
}
/^@(text|use|nl)/ && code && nls { item[chunk, ++count[chunk]] = NR; inpiece[NR] = begin }
/^@nl/          { nls++ }
/^@index defn / { said[NR] = substr($0, 13); inpiece[NR] = begin; chunkof[NR] = chunk }
{ line[NR] = $0 }

function readall(n,    i, k) {
    pass = n
    for (k = 0; k < 2; k++)
        for (i = 1; i <= roots; i++) if ((root[i] ~ /^exercises/) == k) read(root[i])
}
function show(key,    name) {
    name = key; sub(/ .*/, "", name)
    return keys[name] ~ /\n/ && home[key] != "" ? name " " home[key] : name
}
function put(at,    s, n, i, part, from) {
    s = substr(line[at], 7); from = 1
    n = split(columns[at], part, " ")
    for (i = 1; i <= n; i++) {
        if (use[at, part[i]] ~ /^\??$/) continue
        if (part[i] > from) print "@text " substr(s, from, part[i] - from)
        print "@index use " show(use[at, part[i]])
        from = part[i] + length_of[at, part[i]]
        print "@text " substr(s, part[i], length_of[at, part[i]])
    }
    if (from <= length(s) || s == "") print "@text " substr(s, from)
}

END {
    readall(1)
    for (i = 1; i <= NR; i++) if (i in said) byhand(said[i], i)
    readall(2)
    for (i = 1; i <= NR; i++) {
        s = line[i]
        if (s ~ /^@file /) chapter = substr(s, 7)
        else if (s ~ /^@begin docs/) inprose = 1
        else if (s ~ /^@defn /) { here++; inprose = 0 }
        else if (s ~ /^@quote/) { quote = 1; lead = "" }
        else if (s ~ /^@endquote/) quote = 0
        if (quote && s ~ /^@text /) quoted(substr(s, 7), i)
        if (s ~ /^@text /) put(i)
        else if (s !~ /^@index defn /) print s
        n = split(defines[i], part, "\n")
        for (k = 1; k <= n; k++) print "@index defn " show(part[k])
    }
}
