source tests/commands/common.bash

$train --steps 3 --name small > out 2> err
if [ -z "${SANITIZED:-}" ]; then
    within() { (ulimit -v "$1"; shift; exec timeout 5 "$@" > out 2> err); }
    soon() {
        within "$@"
        local status=$?
        [ $status = 0 ] && [ -s out ] && return
        [ $status != 0 ] && [ $status != 124 ] && [ -s err ]
    }
    for room in 20000 45000 60000 100000 160000 300000 400000 1000000; do
        holds "mhc --help within $room KiB" "soon $room $MHC --help"
        holds "info within $room KiB" "soon $room $MHC info runs/small"
        holds "evaluate within $room KiB" \
            "soon $room $MHC evaluate runs/small --held-out unseen"
        holds "train within $room KiB" \
            'soon $room $train --steps 2 --name s$room'
    done
    holds 'help needs no room for products' \
        "within 100000 $MHC --help && grep -q evaluate out"
    holds 'two threads have no room for their products' \
        '! OMP_NUM_THREADS=2 within 100000 $train --steps 2 --name no &&
         grep -q "on 2 threads need 256 MiB of addresses" err'
fi
$train --steps 2 --layers 99 --width 16384 --name big > out 2> err
holds 'too large a model is refused before it takes anything' \
    "[ $? = 71 ] && grep -q 'take [0-9]\{7\} MiB in all; lower' err"
all=$($MHC info $tiny --layers 99 --width 16384 | awk '
    /^in all .*\./ { sum += $3 }
    /two moments/ { sum += $NF }
    END { print int(sum) + 1 }')
holds 'and told what info tells' 'grep -q "take $all MiB in all" err'
told() {
    env -i PATH="$PATH" "$@" $MHC sample runs/small \
        --length 100000000 > out 2> err &
    for ((k = 0; k < 50; k++)); do
        tr '\0' '\n' < /proc/$!/environ > all
        grep -m1 '^OPENBLAS_NUM_THREADS=' all | grep -q '=1$' && break
        sleep 0.1
    done
    for name in OPENBLAS_NUM_THREADS OMP_WAIT_POLICY; do
        grep -m1 "^$name=" all | tr '\n' ' '
    done
    kill -9 $!
    wait $!
} 2> /dev/null
one='OPENBLAS_NUM_THREADS=1 '
holds 'products take one thread, and threads wait passively' \
    '[ "$(told)" = "${one}OMP_WAIT_POLICY=passive " ]'
holds 'the products also if the user wants more' \
    '[ "$(told OPENBLAS_NUM_THREADS=4)" = \
       "${one}OMP_WAIT_POLICY=passive " ]'
holds 'how threads wait may be said, in either way' \
    '[ "$(told OMP_WAIT_POLICY=active)" = \
       "${one}OMP_WAIT_POLICY=active " ] &&
     [ "$(told GOMP_SPINCOUNT=100)" = "$one" ]'
holds 'other variables say nothing' \
    '[ "$(told OPENBLAS_NUM_THREADZ=1 OPENBLAS_NUM_THREADS_=1)" = \
       "${one}OMP_WAIT_POLICY=passive " ]'
$MHC info runs/small > out 2> err
holds 'info tells the step' \
    "[ $? = 0 ] && grep -q '^step  *3  *updates made' out"
best=$(sed -n 's/.*"held_out":\([0-9][0-9.]*\).*/\1/p' \
    runs/small/log.jsonl | sort -g | head -n 1)
holds 'info tells the best loss' \
    "[ -n '$best' ] && grep -q '^best  *${best:0:6}' out"
holds 'info tells which texts' '[ $(grep -cE \
    "^(training|held_out)_text  *[0-9a-f]{16} " out) = 2 ]'
holds 'what a run takes is the sum of three' "awk '
    /^in all .*\./ { sum += \$3 }
    /^and the / { sum += \$NF; parts++ }
    /^a run, besides/ { more = \$NF - sum }
    END { exit parts != 2 || sum <= 0 || more < -0.02 || more > 1 }' \
    out"
sed -e 's/checksum/chocksum/g' -e 's/"warmup"/"warmap"/' \
    runs/small/latest.safetensors > strange
sed 's/checksum/chocksum/g' runs/small/latest.safetensors > unsure
$MHC info unsure > out 2> err
holds 'metadata that are not known are told' "[ $? = 0 ] &&
    [ -s out ] &&
    grep -q '^its metadata have chocksum, which is not known' err"
holds 'metadata that are missing are an error' \
    "! $MHC evaluate strange --held-out unseen > out 2> err &&
     grep -q 'strange: warmup is missing' err"
head -c 5000 "$book/data/persuasion.txt" > other
cp runs/small/latest.safetensors weights
init="$MHC train --data other --held-out unseen --init weights"
$init --steps 4 --warmup 0 --batch 3 --rate 1e-12 --seed 9 \
    --evaluate-every 1 --name begun > out 2> err
holds 'a run begins with the weights of another' \
    "[ $? = 0 ] && [ -s runs/begun/latest.safetensors ]"
said=$($MHC evaluate weights --held-out unseen |
    sed 's/.*: \([0-9.]*\).*/\1/')
began=$(sed -n 's/.*"step":1,.*"held_out":\([0-9.]*\).*/\1/p' \
    runs/begun/log.jsonl)
holds 'it has their loss, and is a new run' \
    "[ -n '$said' ] && [ '${said:0:6}' = '${began:0:6}' ] &&
     $MHC info runs/begun | grep -q '^step  *4 '"
holds 'its sizes are theirs, the rest is its own' \
    "[ \$($MHC info runs/begun | grep -cE \
    '^(layers *1|width *16|context *16|batch *3|seed *9) ') = 5 ]"
holds 'its log says where the weights are from' \
    "head -n 1 runs/begun/log.jsonl | grep -q '\"init\":\"weights\"'"
holds 'the file is as it was' \
    'alike weights runs/small/latest.safetensors'
$init --steps 2 --width 8 --name wrong > out 2> err
holds 'a size that contradicts is refused by name' "[ $? = 64 ] &&
    grep -q -- '--width 8: the weights in weights are of 16' err &&
    [ ! -e runs/wrong ]"
$init --steps 2 --seed 9 --width 16 --name right > out 2> err
holds 'one that agrees is not' "[ $? = 0 ] && [ -d runs/right ]"
closing
