# tap.awk: is the input TAP 14? Says what is not, and ends with 1.
function wrong(what) { print "line " NR ": " what; bad = 1 }
NR == 1 { if ($0 != "TAP version 14") wrong("no version"); next }
block && /^  \.\.\.$/ { block = 0; next }
block && /^  / { next }
block { wrong("a block that does not end"); block = 0 }
/^  ---$/ { if (!point) wrong("a block without a test"); block = 1; point = 0; next }
/^1\.\.[0-9]+$/ { if (planned != "") wrong("a second plan"); planned = substr($0, 4); next }
/^(not )?ok [0-9]+ - ./ {
    if (planned != "") wrong("a test after the plan")
    number = $1 == "not" ? $3 : $2
    if (number != ++count) wrong("number " number " in place of " count)
    text = $0
    gsub(/\\[\\#]/, "", text)
    if (text ~ /#/) wrong("a directive")
    point = 1
    next
}
{ wrong("neither a test nor a plan: " $0) }
END {
    if (block) wrong("a block that does not end")
    if (planned == "" || planned + 0 != count) wrong("a plan of " planned " for " count " tests")
    exit bad
}
