source tests/commands/common.bash

$train --steps 3 --name small > out 2> err
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
$train --steps 2 --layers 99 --width 16384 --name big > out 2> err
holds 'too large a model is refused before it takes anything' \
    "[ $? = 71 ] && grep -q 'take [0-9]\{7\} MiB in all; lower' err"
closing
