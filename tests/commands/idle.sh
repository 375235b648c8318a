# of the sources, not of the program
source tests/commands/common.bash

# nothing PROGRAM SCRIPT SAID: it fails, and none of its checks passes
nothing() {
    ! (cd "$book" && MHC=$1 bash "$2" > "$work/$3" 2> /dev/null) &&
        grep -q '^FAIL' "$3" && ! grep '^ok' "$3"
}
for status in 0 1; do
    cat > idle-$status << end
[ "\$1" != --version ] || { echo 'mhc '; exit 0; }
exit $status
end
    chmod +x idle-$status
done
scripts=()
for script in "$book"/tests/*/*.sh; do
    grep -q '^# of the sources, not of the program' "$script" ||
        scripts+=("$script")
done
# most of them wait for what never comes: all at the same time
for script in "${scripts[@]}"; do
    for status in 0 1; do
        said=said-${script##*/}-$status
        (nothing "$work/idle-$status" "$script" "$said" > passed-$said
         echo $? > end-$said) &
    done
done
for script in "${scripts[@]}"; do
    name=${script##*/}
    for program in "$(type -P false)" "$(type -P true)"; do
        holds "$name stops at $program" \
            'nothing "$program" "$script" said &&
             grep -q "^FAIL the program is mhc" said'
    done
done
wait
for script in "${scripts[@]}"; do
    name=${script##*/}
    for status in 0 1; do
        holds "$name: no check passes if all ends with status $status" \
            '[ "$(cat end-said-$name-$status)" = 0 ]'
    done
done
closing
