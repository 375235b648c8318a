source tests/commands/common.bash

$train --steps 14 --stop-at 8 --name plain > out 2> err

loss() { $MHC evaluate "$1" --held-out unseen | cut -d' ' -f4; }
close() { awk "BEGIN { d = $1 - $2; exit d > 1e-5 || d < -1e-5 }"; }
was=$(loss runs/plain)
for to in mhc:4 identity:2 mhc-lite:4 krom:8 hc:4 hc-static:2 \
          wide-residual:3; do
    kind=${to%:*} n=${to#*:}
    $MHC upcycle runs/plain --connection $kind --streams $n \
        --out $kind > out 2> err
    holds "$kind with $n streams computes the same" "[ $? = 0 ] &&
        [ ! -s err ] && close $was $(loss $kind)"
done
holds 'info knows the new connection' \
    '$MHC info krom | grep -q "^connection *krom" &&
     $MHC info krom | grep -q "^streams *8"'
$MHC train --resume mhc > out 2> err
holds 'the new run goes on where the old one stopped' \
    "[ $? = 0 ] && grep -q '^{\"step\":9,' mhc/log.jsonl &&
     [ \$(grep -c gradient_norm mhc/log.jsonl) = 6 ]"
holds 'its loss goes down' "awk 'BEGIN { exit !($(loss mhc) < $was) }'"
holds 'its log says what it is' \
    'head -n 1 mhc/log.jsonl | grep -q "\"connection\":\"mhc\""'
$MHC train --data text --held-out unseen --init mhc --steps 2 \
    --name begun > out 2> err
holds 'its weights can begin a run' "[ $? = 0 ] &&
    head -n 1 runs/begun/log.jsonl | grep -q '\"streams\":4,'"
$MHC upcycle runs/plain --out again > out 2> err
$MHC train --resume again > out 2> err
holds 'twice the same, byte for byte, and mhc with 4 is meant' \
    'cmp mhc/latest.safetensors again/latest.safetensors'
mkdir alone && cp runs/plain/latest.safetensors alone/file
$MHC upcycle alone/file --streams 2 --out bare > out 2> err
holds 'a checkpoint without a log needs to be told its text' \
    'grep -q -- "--resume bare --data FILE" out &&
     $MHC train --resume bare --data text --held-out unseen \
        > out 2>&1'
# refused STATUS PATTERN OPTION...
refused() {
    local status=$1 pattern=$2 got
    shift 2
    $MHC upcycle "$@" > out 2> err
    got=$?
    holds "refused: mhc upcycle $*" "[ $got = $status ] &&
        [ \$(wc -l < err) = 1 ] && grep -q -- '$pattern' err"
}
refused 64 'are wanted' runs/plain
refused 64 'are wanted' --out new
refused 64 'no kind' runs/plain --connection hyper --out new
refused 64 'streams 0: ' runs/plain --streams 0 --out new
refused 64 'takes 8 at most' runs/plain --streams 9 --out new
refused 64 'power of two' runs/plain --connection krom --streams 6 \
    --out new
refused 65 'its connection is mhc' mhc --out new
refused 66 'nowhere' nowhere --out new
refused 65 text text --out new
refused 73 'mhc: cannot make' runs/plain --out mhc
refused 73 'text/new' runs/plain --out text/new
holds 'what is refused leaves nothing behind' \
    '[ $passed -gt 0 ] && [ ! -e new ]'
closing
