[[ ${MHC:=build/mhc} = *build/mhc ]] && MHC=$MHC-emulated
source tests/commands/common.bash

losses() {
    sed -n 's/.*"loss": *\([-0-9.e]*\).*/\1/p' "runs/$1/log.jsonl"
}
small="$MHC train --data text --held-out unseen --layers 1 --width 16
  --heads 2 --context 16 --batch 2 --evaluate-windows 1 --rate 3e-3
  --warmup 5 --evaluate-every 10 --save-every 10"
for kind in 'residual 1' 'hc 4' 'mhc 4' 'identity 4'; do
    how="--connection ${kind% *} --streams ${kind#* } --steps 20"
    $small $how --device cpu --name cpu-${kind% *} > out 2> err
    $small $how --device gpu --name gpu-${kind% *} > out 2> err
    losses cpu-${kind% *} > want
    losses gpu-${kind% *} > got
    holds "${kind% *}: twenty updates on the gpu are those of the cpu" \
        '[ "$(wc -l < want)" -ge 20 ] && paste want got |
         awk "{ d = \$2 - \$1; if (d * d > 1e-8) exit 1 }"'
done
$small --connection mhc --streams 4 --steps 20 --stop-at 10 \
    --device gpu --name moved > out 2> err
$MHC train --resume runs/moved --device cpu > out 2> err
losses moved > got
losses cpu-mhc > want
holds 'the cpu goes on where the gpu stopped' \
    '[ "$(wc -l < got)" -ge 20 ] && paste want got |
     awk "{ d = \$2 - \$1; if (d * d > 1e-8) exit 1 }"'
$MHC trace runs/moved --device gpu --data unseen --out trace \
    > out 2> err
holds 'a trace made on the gpu passes the check' \
    '[ $? = 0 ] && [ -s trace ] && $MHC check trace --site 1 > out'
$small --steps 2 --device gpu --name again-1 > out 2> err
$small --steps 2 --device gpu --name again-2 > out 2> err
holds 'a run on the gpu repeats to the bit' \
    'cmp runs/again-{1,2}/latest.safetensors'
if mhc info --device gpu | grep -q 'the emulator'; then
    arm="$small --connection mhc --streams 4 --device gpu"
    EMULATOR_FAIL=1200 $arm --steps 20 --name broken > out 2> err
    holds 'a kernel fails: update, kernel and what is saved are told' \
        '[ $? = 71 ] &&
         grep -qE "update 1[1-9]: gpu: [a-z_]+(, after graph)?: \
unspecified launch failure; what is saved is update 10;" err'
    holds 'a kernel fails: the checkpoint is whole' \
        'mhc info runs/broken | grep -qE "step +10 "'
    mhc train --resume runs/broken --device gpu > out 2> err
    holds 'a kernel fails: the run goes on to the same bits' \
        'cmp runs/{gpu-mhc,broken}/latest.safetensors'
    EMULATOR_FAIL=300 EMULATOR_STREAMS=lazy $arm --steps 20 \
        --name late > out 2> err
    holds 'a late failure is told with the last launch' \
        'grep -qE "update [1-9]: gpu: [a-z]+, after [a-z_]+: " err'
    EMULATOR_FAIL=5 $arm --steps 20 --name never > out 2> err
    holds 'a failure before the first update leaves no run' \
        '[ $? = 71 ] && [ ! -e runs/never ]'
    EMULATOR_FAIL=30 mhc sample runs/gpu-mhc --device gpu > out 2> err
    holds 'a failure stops what is written' \
        '[ $? = 71 ] && [ "$(wc -c < out)" -lt 100 ]'
    EMULATOR_FAIL=30 mhc trace runs/gpu-mhc --device gpu --data unseen \
        --out broken-trace > out 2> err
    holds 'a failure leaves no trace' \
        '[ $? = 71 ] && [ ! -e broken-trace ]'
fi
slow=${small/3e-3/1e-3}
for kind in 'residual 1' 'hc 4' 'mhc 4'; do
    how="--connection ${kind% *} --streams ${kind#* } --steps 20
         --precision bf16"
    $slow $how --device cpu --name narrow-cpu-${kind% *} > out 2> err
    $slow $how --device gpu --name narrow-gpu-${kind% *} > out 2> err
    losses narrow-cpu-${kind% *} > want
    losses narrow-gpu-${kind% *} > got
    holds "${kind% *}: twenty updates in bf16 follow the cpu's" \
        '[ "$(wc -l < want)" -ge 20 ] && paste want got |
         awk "{ d = \$2 - \$1; if (d * d > 4e-6) exit 1 }"'
done
holds 'who multiplies is said' "grep -q 'its own kernels, of bf16' out"
how="--connection mhc --streams 4 --steps 20 --stop-at 10
     --precision bf16"
for there in cpu gpu; do
    back=$([ $there = cpu ] && echo gpu || echo cpu)
    $slow $how --device $there --name from-$there > out 2> err
    $MHC train --resume runs/from-$there --device $back > out 2> err
    losses from-$there > got
    losses narrow-cpu-mhc > want
    holds "the $back goes on in bf16 where the $there stopped" \
        'grep -q "^precision bf16" out && [ "$(wc -l < got)" -ge 20 ] &&
         paste want got |
         awk "{ d = \$2 - \$1; if (d * d > 4e-6) exit 1 }"'
done
$MHC trace runs/from-cpu --device gpu --precision bf16 --data unseen \
    --out trace > out 2> err
holds 'a trace made on the gpu in bf16 passes the check' \
    '[ $? = 0 ] && [ -s trace ] &&
     $MHC check trace --site 1 --precision bf16 > out'
holds 'it is a trace in bf16' \
    "[ -s trace ] && grep -aq '\"precision\": *\"bf16\"' trace"
$MHC trace runs/from-cpu --device gpu --precision single --data unseen \
    --out exact > out 2> err
holds 'and in single its last gradients are others' \
    '[ -s exact ] && ! cmp -s <(tail -c 256 trace) <(tail -c 256 exact)'
for precision in fp8 fp8-streams fp8-streams-stochastic \
                 fp8-streams-mean; do
    how="--connection mhc --streams 2 --steps 6 --precision $precision"
    $slow $how --device cpu --name $precision-cpu > out 2> err
    $slow $how --device gpu --name $precision-gpu > out 2> err
    holds "a gpu says what multiplies in $precision" \
        "grep -q '^precision $precision; .*E4M3' out"
    losses $precision-cpu > want
    losses $precision-gpu > got
    holds "six updates in $precision follow the cpu's" \
        '[ "$(wc -l < want)" -ge 6 ] && paste want got |
         awk "{ d = \$2 - \$1; if (d * d > 4e-5) exit 1 }"'
    $slow $how --device gpu --stop-at 3 --name $precision-on \
        > out 2> err
    $MHC train --resume runs/$precision-on --device gpu > out 2> err
    holds "a run on the gpu in $precision goes on bit for bit" \
        "[ -s runs/$precision-gpu/latest.safetensors ] &&
         alike runs/$precision-gpu/latest.safetensors \
               runs/$precision-on/latest.safetensors"
    for there in cpu gpu; do
        $MHC trace runs/$precision-gpu --device $there --data unseen \
            --precision $precision --out trace > out 2> err
        for l in 0 1; do
            holds "a trace of the $there in $precision, sublayer $l" \
                '[ -s trace ] && $MHC check trace --site $l > out &&
                 grep -q "the trace says that" out'
        done
    done
done
closing
