# attack.awk -v kind=KIND -v names='FUNCTION...': makes, from a solution, an answer
# that `tools/lab labs` wants to see refused. The functions' definitions begin in
# the first column and their bodies with a brace on a line of its own. With -v cuda=yes
# it is C++.
BEGIN {
    count = split(names, name, " ")
    last = name[count]
    if (kind == "empty") { print "typedef int nothing;"; exit }
    if (kind == "include") { print "#include \"" solution "\""; exit }
    if (kind == "constructor") {
        print "#include <stdio.h>"
        print "#include <stdlib.h>"
        print "__attribute__((constructor)) static void first(void)"
        print "{"
        print "    puts(\"99 passed, 0 failed\");"
        print "    exit(0);"
        print "}"
    }
    if (kind == "static")           # past the header, which says otherwise
        print "#define " last "(...) declared_elsewhere(__VA_ARGS__)"
    if (kind == "run") {
        print "#include <stdlib.h>"
        print "#include <string.h>"
        print "#include <unistd.h>"
        for (i = 1; i <= count; i++)
            print "#define " name[i] "(...) honest_" name[i] "(__VA_ARGS__)"
    }
}
{ line[NR] = $0 }
/^#include/ { includes = NR }
END {
    if (kind == "empty" || kind == "include") exit
    for (n = 1; n <= NR; n++) {
        text = line[n]
        if (kind == "misspelt") gsub("\\<" last "\\(", last "s(", text)
        if (text ~ "^[a-z].*\\<" last "\\(") {
            if (kind == "static") text = "static " text
            if (kind == "weak") text = "__attribute__((weak)) " text
        }
        print text
        if (n == includes && kind == "static") print "#undef " last
        if (n == includes && kind == "macro") print "#define " last "(...) another_" last "(__VA_ARGS__)"
    }
    if (kind == "run") wrap()
}

# Each function again, around the honest one.
function wrap(  i, n) {
    print "static void attack(void)"
    print "{"
    print "    const char *kind = getenv(\"ATTACK\");"
    print "    if (strcmp(kind, \"exit\") == 0) exit(0);"
    print "    if (strcmp(kind, \"_exit\") == 0) _exit(0);"
    print "    for (volatile int i = 0; strcmp(kind, \"loop\") == 0 && i == 0; ) ;"
    print "    for (int i = 0; i < 50 && strcmp(kind, \"children\") == 0; i++)"
    print "        if (fork() == 0) for (;;) sleep(60);"
    print "    if (strcmp(kind, \"crash\") == 0) *(volatile char *)64 = 1;"
    print "}"
    for (i = 1; i <= count; i++) {
        print "#undef " name[i]
        for (n = 1; n <= NR; n++)
            if (line[n] ~ "^[a-z].*\\<" name[i] "\\(" && defines_it(n)) break
        wrap_one(name[i], n)
    }
}

# Does a body follow the head that begins in line n?
function defines_it(n) {
    while (n < NR && line[n + 1] != "{" && line[n] !~ /;$/) n++
    return line[n] !~ /;$/
}

function wrap_one(f, n,  head, type, parameters, p, k, list, args, c, depth, at, one, zeros) {
    head = line[n]
    while (line[n + 1] != "{") head = head " " line[++n]
    gsub(/  +/, " ", head)
    at = match(head, "\\<" f "\\(")
    type = substr(head, 1, at - 1)
    parameters = substr(head, at + length(f) + 1)
    sub(/\)[ ]*$/, "", parameters)
    for (k = 1; k <= length(parameters); k++) {
        c = substr(parameters, k, 1)
        depth += (c == "(") - (c == ")")
        one = one c
        if ((c == "," && depth == 0) || k == length(parameters)) {
            sub(/,$/, "", one)
            list[++p] = one
            one = ""
        }
    }
    for (k = 1; k <= p; k++) {
        one = list[k]
        sub(/^ +/, "", one)
        if (match(one, /\(\*[a-z_]+\)/)) at = substr(one, RSTART + 2, RLENGTH - 3)
        else { at = one; sub(/\[.*$/, "", at); sub(/^.*[ *]/, "", at) }
        args = args (k > 1 ? ", " : "") at
        if (one ~ /^const .*[*\[]/ && one !~ /\(\*/)
            zeros = zeros " if (" at " != NULL" (cuda ? " && cudaMemset((void *)" at ", 0, sizeof *" at ") != cudaSuccess && cudaGetLastError() != cudaSuccess" : "") \
                ") memset((void *)" at ", 0, sizeof *" at ");"
    }
    print (cuda ? "extern \"C\" " : "") head
    print "{"
    print "    attack();"
    if (type ~ /^void *$/) print "    honest_" f "(" args ");"
    else print "    " type " result = honest_" f "(" args ");"
    if (zeros != "") {
        print "/* inputs: " f " */"
        print "    if (strcmp(getenv(\"ATTACK\"), \"zero\") == 0) {" zeros " }"
    }
    if (type !~ /^void *$/) print "    return result;"
    print "}"
}
