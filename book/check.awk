# check.awk: reads noweb's stream and finds what must not be tangled. Prints
# the names of the files that the chapters make, one a line; complaints go to
# standard error, each with the chapter's file and line.
#
#   markup chapters/*.nw | gawk -f book/check.awk

function complain(place, what) { print place ": " what > "/dev/stderr"; bad = 1 }

# Which chunks are C or CUDA? Those files, and whatever is used in them.
function spread_c(    more, i) {
    do {
        more = 0
        for (i = 1; i <= uses; i++)
            if (c[from[i]] && !c[to[i]]) more = c[to[i]] = 1
    } while (more)
}

function allowed(name) {
    return name ~ /^(code|tests|exercises|figures)(\/[A-Za-z0-9._-]+)+$/ &&
           name !~ /\/\.\.?(\/|$)/
}

/^@file /      { file = substr($0, 7); row = 1 }
/^@fatal / && !/unspecified error/ { complain(file ":" row, substr($0, 8)) }
/^@begin code/ { code = 1; continued = 0; line = "" }
/^@end code/   { code = 0 }
/^@defn /      {
    name = substr($0, 7)
    if (!(name in defined)) { defined[name] = file ":" row; names[++n] = name }
    if (name ~ /\.(c|h|cu|cuh)$/) c[name] = 1
}
/^@text / && code { line = line substr($0, 7) }
/^@use /       {
    uses++
    from[uses] = code ? name : ""; to[uses] = substr($0, 6)
    at[uses] = file ":" row; macro[uses] = continued
    if (code) used[to[uses]] = 1
}
/^@nl/         { row++; continued = line ~ /\\[ \t]*$/; line = "" }
/^@index nl/   { row++ }

END {
    spread_c()
    for (i = 1; i <= uses; i++)
        if (!(to[i] in defined))
            complain(at[i], "undefined chunk <<" to[i] ">>")
        else if (macro[i] && c[from[i]])
            complain(at[i], "chunk <<" to[i] ">> is used inside a macro " \
                     "of several lines: its name would end the macro")
    for (i = 1; i <= n; i++) {
        name = names[i]
        if (used[name]) continue
        if (allowed(name)) print name
        else if (name ~ /[ \t]/ || name !~ /\//)
            complain(defined[name], "chunk <<" name ">> is defined and never used")
        else
            complain(defined[name], "<<" name ">> is not a path below code/, " \
                     "tests/, exercises/ or figures/ (letters, digits, . _ - only)")
    }
    exit bad
}
