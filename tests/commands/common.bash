# What the scripts share. MHC: the program. Everything happens in a
# folder of our own.
book=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
ok() { echo "ok   $1"; passed=$((passed + 1)); }
bad() { echo "FAIL $1: $2"; failed=$((failed + 1)); }
holds() { if eval "$2"; then ok "$1"; else bad "$1" "not so: $2"; fi; }
alike() { [ -s "$1" ] && cmp -s "$1" "$2"; }
# refused STATUS PATTERN COMMAND...: in one line, which has the pattern
refused() {
    local status=$1 pattern=$2
    shift 2
    "$@" > out 2> err
    local got=$? lines
    lines=$(wc -l < err)
    if [ $got != "$status" ]; then
        bad "$*" "status $got instead of $status: $(head -n 1 err)"
    elif [ "$lines" != 1 ]; then bad "$*" "$lines lines on stderr"
    elif ! grep -qE -- "$pattern" err; then
        bad "$*" "no '$pattern' in: $(cat err)"
    else ok "refused: ${*/#$MHC/mhc}"; fi
}
closing() {
    echo "$passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
}
export OMP_WAIT_POLICY=passive LC_ALL=C.UTF-8
mkdir "$work/bin"
ln -s "$(realpath "${MHC:-build/mhc}")" "$work/bin/mhc"
PATH=$work/bin:$PATH MHC=mhc
if [[ $(mhc --version) != "mhc "* ]]; then
    bad 'the program is mhc' 'mhc --version does not say so'
    closing
    exit 1
fi
cd "$work" || exit 1
head -c 6000 "$book/data/austen.txt" > text
head -c 2000 "$book/data/persuasion.txt" > unseen
tiny="--layers 1 --width 16 --heads 2 --context 16 --batch 2 \
 --evaluate-every 2 --evaluate-windows 4 --save-every 3 --warmup 3"
train="$MHC train --data text --held-out unseen $tiny"
long="$train --steps 3000 --evaluate-every 500 --save-every 100"
# steps NAME: how many are in the log; reach NAME N: wait for so many
steps() { grep -c '"loss"' "runs/$1/log.jsonl" 2> /dev/null; }
reach() {
    for _ in $(seq 1500); do
        [ "$(steps "$1")" -ge "$2" ] 2> /dev/null && return
        kill -0 $pid 2> /dev/null || return
        sleep .02
    done
}
