# of the sources, not of the program
source tests/commands/common.bash

# nothing PROGRAM SCRIPT: it fails, and none of its checks passes
nothing() {
    ! (cd "$book" && MHC=$1 bash "$2" > "$work/said" 2> /dev/null) &&
        grep -q '^FAIL' said && ! grep '^ok' said
}
for status in 0 1; do
    cat > idle-$status << end
[ "\$1" != --version ] || { echo 'mhc '; exit 0; }
exit $status
end
    chmod +x idle-$status
done
for script in "$book"/tests/*/*.sh; do
    name=${script##*/}
    ! grep -q '^# of the sources, not of the program' "$script" ||
        continue
    for program in "$(type -P false)" "$(type -P true)"; do
        holds "$name stops at $program" 'nothing "$program" "$script" &&
            grep -q "^FAIL the program is mhc" said'
    done
    for status in 0 1; do
        holds "$name: no check passes if all ends with status $status" \
            'nothing "$work/idle-$status" "$script"'
    done
done
closing
