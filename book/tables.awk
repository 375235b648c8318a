# tables.awk CHAPTERS: each number in a table whose caption names files of
# data/results must be the rounding of a number in one of them.
function fail(what) { printf "%s:%d: %s\n", FILENAME, at, what > "/dev/stderr"; bad = 1 }
function numbers(text, list,    n, m) {         # those that stand alone
    n = 0
    gsub(/−/, "-", text)
    while (match(text, /(^|[^A-Za-z0-9_.-])(-?[0-9]*\.?[0-9]+(e[-+]?[0-9]+)?)([^A-Za-z0-9_]|$)/, m)) {
        list[++n] = m[2]
        text = substr(text, RSTART + RLENGTH - length(m[4]))
    }
    return n
}
function half(x,    e) {                        # of the last place of x as it is written
    e = match(x, /e/) ? substr(x, RSTART + 1) : 0
    sub(/e.*/, "", x)
    return .5 * 10 ^ (e - (match(x, /\./) ? length(x) - RSTART : 0))
}
function have(file,    line, list, n, k) {
    if (file in read) return
    read[file] = 0
    while ((getline line < file) > 0)
        if (line !~ /^#/) for (n = numbers(line, list); n > 0; n--) found[file, ++read[file]] = list[n]
    close(file)
    if (!read[file]) fail("no numbers in " file)
}
function check(    files, nf, rest, m, r, k, c, n, list, cell, f, i, ok) {
    nf = 0
    rest = caption ~ /(From|Made by) `/ ? caption : ""
    while (match(rest, /`(make )?(data\/results\/)?([a-z_0-9]+\.(csv|txt))`/, m)) {
        files[++nf] = "data/results/" m[3]
        have(files[nf])
        rest = substr(rest, RSTART + RLENGTH)
    }
    for (r = 3; nf && r <= rows; r++)
        for (c = split(row[r], cell, "|") - 1; c > 2; c--) {
            gsub(/[$]|\\pm/, "", cell[c])
            while (match(cell[c], /[0-9],[0-9][0-9][0-9]/)) cell[c] = substr(cell[c], 1, RSTART) substr(cell[c], RSTART + 2)
            for (n = numbers(cell[c], list); n > 0; n--) {
                ok = 0
                checked++
                for (f = 1; f <= nf && !ok; f++)
                    for (i = 1; i <= read[files[f]] && !ok; i++)
                        { k = found[files[f], i] - list[n]; ok = (k < 0 ? -k : k) <= half(list[n]) * 1.0001 }
                if (!ok) fail("the table below has " list[n] ", " files[1] " has no such number")
            }
        }
}
/^\|/ { if (!rows) at = FNR; row[++rows] = $0; next }
rows && !on && /^$/ { next }
rows && !on && /^: / { on = 1; caption = "" }
on { caption = caption " " $0; if (/\{#tbl:/ || /^$/) { check(); rows = on = 0 }; next }
{ rows = 0 }
END { if (verbose) print checked " numbers of tables"; exit bad }
