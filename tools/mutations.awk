# mutations.awk: lists mechanical bugs for a C file, one a line:
#     LINE <tab> KIND <tab> the mutated line
# Left alone: preprocessor lines, comments, strings, declarations of
# functions, messages, and lines marked as tuning (schedule, slice sizes).

function put(kind, text) { if (text != $0) printf "%d\t%s\t%s\n", FNR, kind, text }

# Every occurrence of token `from` outside strings, one mutant each.
function swap(kind, from, to,    s, i, before, after, p, q) {
    s = $0; p = 1
    while ((i = index(substr(s, p), from)) > 0) {
        i += p - 1
        before = substr(s, 1, i - 1); after = substr(s, i + length(from))
        q = before; gsub(/[^"]/, "", q)
        if (length(q) % 2 == 0 && clean(before, from, after)) put(kind, before to after)
        p = i + length(from)
    }
}
# Is this the whole operator, and not a part of another?
function clean(before, from, after,    b, a) {
    b = substr(before, length(before), 1); a = substr(after, 1, 1)
    if (from ~ /^ /) return 1
    if (from ~ /^[0-9]/) return b !~ /[A-Za-z_0-9.]/ && a !~ /[A-Za-z_0-9.]/
    if (from ~ /^\[/) return 1
    return b !~ /[-+*\/<>=!&|]/ && a !~ /[-+*\/<>=!&|]/
}

/^[ \t]*(#|\/\/|\/\*|\*)/ { next }
/^[A-Za-z_}{]/           { next }
/fail\(|printf|"[^"]*"$|schedule\(|_SLICE|SLICE_|assert\(/ { next }
/^[ \t]*(const )?(struct|enum|static|extern|typedef) / { next }
/^[ \t]*[{}]*$/          { next }
{
    swap("operator", " + ", " - ")
    swap("operator", " - ", " + ")
    swap("operator", " * ", " / ")
    swap("operator", " / ", " * ")
    swap("assignment", " += ", " = ")
    swap("assignment", " += ", " -= ")
    swap("assignment", " -= ", " += ")
    swap("assignment", " *= ", " = ")
    swap("comparison", " < ", " <= ")
    swap("comparison", " <= ", " < ")
    swap("comparison", " > ", " >= ")
    swap("comparison", " >= ", " > ")
    swap("comparison", " == ", " != ")
    swap("comparison", " != ", " == ")
    swap("logic", " && ", " || ")
    swap("logic", " || ", " && ")
    swap("logic", "return true", "return false")
    swap("logic", "return false", "return true")
    swap("logic", "if (!", "if (")
    swap("constant", "0", "1")
    swap("constant", "1", "2")
    swap("constant", "2", "3")
    swap("constant", "0.5", "0.6")
    swap("constant", "1.0", "1.1")
    swap("index", "[i]", "[i + 1]")
    swap("index", "[t]", "[0]")
    swap("index", "[c]", "[0]")
    swap("index", "[i]", "[0]")
    if ($0 ~ /^[ \t]*(if|for|while) \(/ ) swap("comparison", "++", "--++")
    # A statement that does something, dropped.
    if ($0 ~ /^[ \t]+[a-z_][A-Za-z_0-9.>\[\]* ()+-]* [-+*]?= .*;$/ && $0 !~ /^[ \t]+[a-z_]+ \*?[a-z_]+ = / && $0 !~ /^[ \t]+(const|real|double|float|size_t|bool|uint64_t|uint32_t|int|char|token) /)
        put("dropped", ";")
    else if ($0 ~ /^[ \t]+[a-z_]+(->[a-z_.]+)?\(.*\);$/ && $0 !~ /free|close|release/)
        put("dropped", ";")
}
