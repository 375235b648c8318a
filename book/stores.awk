# stores.awk pass=1 KERNELS pass=2 KERNELS: complains of a kernel's `x[i] = f(...)`
# where f returns a struct. The compiler may build it in its place, and reports no
# store, so the checker sees none: such a result is put into a variable first.
# Arrays of the function itself are registers.
pass == 1 && /__device__/ && match($0, /(struct [a-z_]+|pack<[a-z0-9]+>|float[24]) ([a-z_]+)\(/, m) { returns[m[2]] }
FNR == 1 { delete own }
pass == 2 && /^ +(pack<|struct |float)[^=(]*;$/ {
    for (s = $0; match(s, /([a-z_]+)\[/, m); s = substr(s, RSTART + RLENGTH)) own[m[1]]
}
pass == 2 && match($0, /([a-z_]+)\[[^=]*\] = ([a-z_]+)(<[^>]*>)?\(/, m) && m[2] in returns && !(m[1] in own) {
    print FILENAME ":" FNR ": the checker does not see this store of what " m[2] " returns"; bad = 1
}
END { exit bad }
