source tests/commands/common.bash

run="$train --connection mhc --streams 4 --layers 3"
body() { tail -n +2 "runs/$1/log.jsonl"; }
$run --steps 6 --name plain > out 2> err
holds 'a run of mhc ends well' "[ $? = 0 ] && [ -n '$(body plain)' ]"
for L in 2 4; do
    $run --steps 6 --lazy $L --name lazy$L > out 2> err
    holds "--lazy $L changes no line of the log" \
        "[ $? = 0 ] && [ -n '$(body lazy$L)' ] &&
         cmp <(body plain) <(body lazy$L)"
done
$MHC train --resume runs/lazy4 --steps 9 > out 2> err
$MHC train --resume runs/plain --steps 9 --lazy 3 > out 2> err
holds 'a run goes on lazily, or not, with the same bits' \
    '[ $? = 0 ] && [ $(steps plain) -ge 9 ] &&
     cmp <(grep loss runs/plain/log.jsonl) \
         <(grep loss runs/lazy4/log.jsonl)'
holds 'the checkpoint knows it' \
    '$MHC info runs/plain | grep -q "^lazy  *3 "'
in_all() {
    $MHC info --layers 12 --streams 4 --connection mhc "$@" |
        sed -n 's/^in all *\([0-9]*\)\..*/\1/p'
}
holds 'info says what --lazy saves' \
    '[ "$(in_all --lazy 4)" -lt "$(in_all)" ] &&
     [ "$(in_all --frugal)" -lt "$(in_all --lazy 4)" ]'
refused 64 'lazy: .*--frugal' $run --lazy 4 --frugal
refused 64 'lazy: .*--recompute' $run --lazy 4 --recompute 2
refused 64 'lazy: 9 is not between 0 and 8' $run --lazy 9
$MHC train --resume runs/lazy4 --steps 12 --frugal > out 2> err
holds 'two ways at once are refused when a run goes on' \
    '[ $? = 64 ] && grep -q "lazy: .*--lazy 0" err'
$MHC train --resume runs/lazy4 --frugal --lazy 0 --steps 12 > out 2> err
holds 'turned off, another way is taken' \
    '[ $? = 0 ] && [ $(steps lazy4) = 12 ]'
$MHC trace runs/lazy2 --data unseen --out lazy.st > out 2> err
holds 'a lazy run can be traced' '[ $? = 0 ] && [ -s lazy.st ]'
closing
