# defs.awk: noweb filter. Marks the functions, types, macros and constants that
# the C and CUDA of code/ and tests/ define, as `@index defn NAME', after a
# line `@kind KIND NAME FILE' for uses.awk (FILE only if the name is static in
# that file). It trusts the layout of this book: a definition begins in column
# one, of a chunk that is itself in column one.

function found(kind, name) {
    if (name ~ /^$|^main$|_H$/) return
    if (static && (name in home)) return            # the first file that has it
    if (static) home[name] = file[chunk]
    print "@kind " kind " " name (static ? " " file[chunk] : "")
    print "@index defn " name
}
function word(s) { return match(s, /[A-Za-z_][A-Za-z_0-9]*$/) ? substr(s, RSTART) : "" }

# Which chunks stand at file level? Files, and what they use in column one.
function spread(    more, i) {
    do {
        more = 0
        for (i = 1; i <= uses; i++)
            if (file[from[i]] != "" && file[to[i]] == "") { file[to[i]] = file[from[i]]; more = 1 }
    } while (more)
}

function definition(line,    head) {
    static = line ~ /^static / && file[chunk] ~ /\.(c|cu)$/
    gsub(/__launch_bounds__\([^)]*\)/, "", line)
    if (match(line, /^#define +[A-Za-z_][A-Za-z_0-9]*/))
        found("macro", word(substr(line, 1, RLENGTH)))
    else if (match(line, /^START_TEST\([A-Za-z_0-9]+/))
        found("function", word(substr(line, 1, RLENGTH)))
    else if (match(line, /^\} *[A-Za-z_][A-Za-z_0-9]*;/))              # } name;
        found("type", word(substr(line, 1, RLENGTH - 1)))
    else if (match(line, /^typedef .*[ *][A-Za-z_][A-Za-z_0-9]*;/))    # typedef float real;
        found("type", word(substr(line, 1, RLENGTH - 1)))
    else if (match(line, /^typedef .*\(\*[A-Za-z_][A-Za-z_0-9]*\)\(/)) # typedef int (*f)(int);
        found("type", word(substr(line, 1, RLENGTH - 2)))
    else if (match(line, /^(typedef +)?(struct|union|enum) +[A-Za-z_][A-Za-z_0-9]* *\{/)) {
        sub(/ *\{.*/, "", line)
        found("tag", word(line))
    } else if (match(line, /^[A-Za-z_][A-Za-z_0-9 *]*[ *][A-Za-z_][A-Za-z_0-9]*(\[[^]]*\])* *= *\{?/)) {
        sub(/(\[[^]]*\])* *=.*/, "", line)                             # const struct x y = {
        found("variable", word(line))
    } else if (line !~ /^(return|else|if|for|while|switch|do|case|goto|typedef|extern)[^A-Za-z_0-9]/ || line ~ /^extern "C" /) {
        head = line
        if (sub(/\(.*/, "", head) && head ~ /[ *][A-Za-z_][A-Za-z_0-9]*$/ && head !~ /[=;]/) {
            if (line ~ /\{/) found("function", word(head))
            else if (line !~ /;/) maybe = word(head)                   # ...)\n{
        }
    }
}

/^@begin/ { code = $2 == "code"; fresh = 0 }
/^@defn / {
    name = substr($0, 7)
    if (name ~ /^(code|tests)\/.*\.(c|h|cu|cuh)$/) file[name] = name
}
/^@use / && code && fresh { uses++; from[uses] = name; to[uses] = substr($0, 6) }
/^@nl/ { fresh = 1 }
!/^@nl/ && code && !/^@(defn|end|line)/ { isfresh[NR] = fresh; fresh = 0 }
{ line[NR] = $0 }

END {
    spread()
    for (i = 1; i <= NR; i++) {
        print line[i]
        if (line[i] ~ /^@begin/) { chunk = ""; maybe = "" }
        else if (line[i] ~ /^@defn /) chunk = substr(line[i], 7)
        else if (line[i] ~ /^@text / && file[chunk] != "") {
            s = substr(line[i], 7)
            if (maybe != "" && s ~ /\{/) { found("function", maybe); maybe = "" }
            else if (maybe != "" && s ~ /;/) maybe = ""
            if (isfresh[i] && s ~ /^[A-Za-z_#}]/) definition(s)
        }
    }
}
