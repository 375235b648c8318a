# log.awk: reads the LaTeX source and then its log, and reports errors, lines
# wider than the page and characters that no font has, by file and line of the
# chapter. The filters have left comments `%@ file:line' in the source.
#
#   gawk -f book/log.awk build/book.tex build/book.log

function complain(place, what) { if (!said[place what]++) print place ": " what; bad = 1 }

# The chapter's line for a line of the source.
function origin(n) {
    for (; n > 0; n--) {
        if (n in code) return file[n] ":" code[n]
        if (n in at) return at[n]
    }
    return "(before the first paragraph)"
}
# A place is where the paragraph or table began, or the last one before it. If
# a longer word of the wide line stands further down in the chapter, say there.
function nearer(place, text,    part, file, row, line, n, word, i) {
    n = split(text, part, /[^A-Za-z0-9.]+/)
    for (i = 1; i <= n; i++) {
        gsub(/^\.+|\.+$/, "", part[i])
        if (length(part[i]) > length(word)) word = part[i]
    }
    split(place, part, ":"); file = part[1]; row = part[2]
    if (length(word) < 4 || !row) return place
    for (i = 1; (getline line < file) > 0; i++)
        if (i >= row && i < row + 100 && index(line, word)) { close(file); return file ":" i }
    close(file)
    return place
}
# The words in a line of the log, without the names of fonts and with no
# more than what is needed to recognise them.
function words(s) {
    gsub(/\\T[US]\/[^ ]*( |$)/, "", s); gsub(/\[\]|\|/, "", s)
    gsub(/^ +| +$/, "", s)
    return length(s) > 60 ? "..." substr(s, length(s) - 56) : s
}

# The source
FNR == NR && /%@ [^ ]+:[0-9]+$/ { at[FNR] = $NF }
FNR == NR && /^%@code / { split($2, part, ":"); place = part[1]; row = part[2] }
FNR == NR && /^\\begin\{(Highlighting|verbatim)\}/ && row { incode = 1; file[FNR] = place; code[FNR] = row; next }
FNR == NR && /^\\end\{(Highlighting|verbatim)\}/ { incode = row = 0 }
FNR == NR && incode     { file[FNR] = place; code[FNR] = ++row }
FNR == NR               { source[FNR] = $0; lines = FNR; next }

# The log
/^nw: contents/         { contents = 1 }
/^nw: body/             { contents = 0 }
wide != ""              { text = words($0); complain(nearer(wide, text), width " wider than the page: " text); wide = "" }
/^Overfull \\hbox/ && match($0, /\(.*pt too wide\)/) {
    width = substr($0, RSTART + 1); sub(/ too.*/, "", width)
    if (contents) wide = "table of contents"
    else if (match($0, /lines? [0-9]+/)) wide = origin(gensub(/[^0-9]/, "", "g", substr($0, RSTART, RLENGTH)) + 0)
    else wide = "page head or foot"
}
/^Overfull code/        { complain(origin($NF + 0), substr($3, 2) " wider than the page, as printed") }
/^! /                   { error = substr($0, 3) }
error != "" && /^l\.[0-9]+/ {
    complain(origin(substr($1, 3) + 0), error " " words(substr($0, length($1) + 2))); error = ""
}
/^Missing character: There is no / {
    split($0, part, / /)
    missing[part[5]] = $0
}
/^LaTeX Warning: (Reference|Hyper reference) .* undefined/ {
    unresolved[origin(gensub(/.*input line ([0-9]+).*/, "\\1", 1) + 0)] = gensub(/.*`(.*)'.*/, "reference to unknown \\1", 1)
}
/^LaTeX Warning: Float too large/ { complain("figure", $0) }
/^nw: no figure/        { complain(origin($NF + 0), "there is no " $4) }
/^nw: the notes/        { print substr($0, 5) }
END {
    if (error != "") { print error; bad = 1 }
    if (!bad) for (place in unresolved) complain(place, unresolved[place])
    for (ch in missing) {
        for (n = 1; n <= lines; n++)
            if (index(source[n], ch)) { complain(origin(n), "no font has the character " ch); found[ch] = 1 }
        if (!found[ch]) complain("somewhere", missing[ch])
    }
    exit bad
}
