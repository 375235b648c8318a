# lint.awk: looks for what would print badly, without printing. Complains of
# tabs, blanks at the end of a line, code wider than WIDTH columns as it will
# be printed, and fenced divs that are opened and never closed. And of a chunk
# that a chapter adds to and uses, when another chapter has begun it: two
# chapters have given the same name to different things.
#
#   gawk -f book/lint.awk chapters/*.nw

function complain(what) { print FILENAME ":" FNR ": " what; bad = 1 }

# A line of code as it is printed: escapes gone, chunk names in one bracket.
function printed(s,    name) {
    gsub(/@<</, "\001", s); gsub(/@>>/, "\002", s); sub(/^@@/, "@", s)
    while (match(s, /<<[^>]*(>[^>]+)*>>/)) {
        name = substr(s, RSTART + 2, RLENGTH - 4)
        gsub(/\[\[|\]\]/, "", name)
        s = substr(s, 1, RSTART - 1) "<" name ">" substr(s, RSTART + RLENGTH)
    }
    gsub(/[\001\002]/, "xx", s)
    return s
}

# The chapter that began each chunk, and who adds to it and uses it elsewhere.
# What only an exercise is made of may use it: a lab shows the book's chunks.
function defines(s) {
    name = s
    if (!(name in begun)) begun[name] = FILENAME
    else if (begun[name] != FILENAME) adds[FILENAME, name] = FNR
}
function uses(s) {
    gsub(/@<</, "\001", s)
    while (match(s, /<<[^>]*(>[^>]+)*>>/)) {
        place[++n] = FILENAME; from[n] = name; to[n] = substr(s, RSTART + 2, RLENGTH - 4)
        nested[to[n]] = 1
        s = substr(s, RSTART + RLENGTH)
    }
}
function shared(    i, k, more, live, used, part) {
    for (k in begun) if (!(k in nested) && k !~ /^exercises\//) live[k] = 1
    do {
        more = 0
        for (i = 1; i <= n; i++) if (from[i] in live) {
            used[place[i], to[i]] = 1
            if (!(to[i] in live)) more = live[to[i]] = 1
        }
    } while (more)
    for (k in adds) if (k in used) {
        split(k, part, SUBSEP)
        print part[1] ":" adds[k] ": adds to <<" part[2] ">> of " begun[part[2]] ", and uses it"
        bad = 1
    }
}

function unclosed() { while (open > 0) { print opened[open--] ": this ::: is never closed"; bad = 1 } }

BEGIN          { WIDTH = 72 }
FNR == 1       { unclosed(); code = fence = 0 }
/\t/           { complain("tab") }
/[ \t\r]$/     { if ($0 != "@ ") complain("blank at the end of the line") }
/^<<.*>>=/     { defines(substr($0, 3, length($0) - 5))
                 code = 1; figure = /^<<figures\//; next }
/^@( |$)/      { code = 0 }
code && !figure && length(printed($0)) > WIDTH { complain("code is " length(printed($0)) " columns wide, not " WIDTH " at most") }
code           { uses($0); next }
/^ *```/       { fence = !fence; next }
fence && length($0) > WIDTH { complain("code is " length($0) " columns wide, not " WIDTH " at most") }
fence          { next }
/^:::+ *[^: ]/ { opened[++open] = FILENAME ":" FNR }
/^:::+ *$/     { if (open) open--; else complain("this ::: closes nothing") }
END            { unclosed(); shared(); exit bad }
