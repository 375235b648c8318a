source tests/commands/common.bash

run="$train --connection mhc --streams 4 --layers 3 --steps 5"
body() { tail -n +2 "runs/$1/log.jsonl"; }
$run --name plain > out 2> err
holds 'a run of mhc ends well' "[ $? = 0 ] && [ -n '$(body plain)' ]"
for how in '--recompute 2' '--recompute 3' --frugal; do
    name=${how//[- ]/}
    $run $how --name "$name" > out 2> err
    holds "$how changes no line of the log" \
        "[ $? = 0 ] && [ -s runs/plain/log.jsonl ] &&
         cmp <(body plain) <(body $name)"
done
in_all() {
    $MHC info --layers 12 --streams 4 --connection mhc "$@" |
        sed -n 's/^in all *\([0-9]*\)\..*/\1/p'
}
holds 'info says what --frugal and --recompute save' \
    '[ "$(in_all --frugal)" -lt "$(in_all)" ] &&
     [ "$(in_all --recompute 5)" -lt "$(in_all)" ]'
closing
