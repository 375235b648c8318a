source tests/commands/common.bash

run="$train --connection mhc --streams 2 --steps 6 --precision bf16"
body() { grep -v '"event":"precision"' "runs/$1/log.jsonl"; }
$run --name whole > out 2> err
holds 'a run in bf16 ends well, and says what multiplies' \
    "[ $? = 0 ] && grep -q '^precision bf16; products by .*bf16' out &&
     grep -q '\"precision\":\"bf16\"' runs/whole/log.jsonl"
$run --name half --stop-at 3 > out 2> err
$MHC train --resume runs/half > out 2> err
holds 'it goes on in bf16, unasked, and comes to the same' \
    "[ $? = 0 ] && grep -q '^precision bf16' out &&
     cmp <(body whole) <(body half) &&
     alike runs/whole/latest.safetensors runs/half/latest.safetensors"
$train --connection residual --steps 6 --stop-at 3 --precision bf16 \
    --name narrow > out 2> err
$MHC upcycle runs/narrow --streams 2 --out runs/wider > out 2> err
holds 'more streams keep the precision, and the log says so' \
    "[ $? = 0 ] &&
     grep -q '\"precision\":\"bf16\"' runs/wider/log.jsonl &&
     \$MHC info runs/wider | grep -q '^precision  *bf16' &&
     \$MHC info runs/wider --precision single > out &&
     ! grep -q '^precision' out"
$run --name other --stop-at 3 > out 2> err
$MHC train --resume runs/other --precision single > out 2> err
holds 'another precision is said, and noted' \
    "[ $? = 0 ] && grep -q 'precision: was bf16, is single' err &&
     grep '\"step\":4,\"event\":\"precision\"' runs/other/log.jsonl |
     grep -q single"
holds 'it is no longer in the file' \
    '[ -s runs/other/latest.safetensors ] &&
     ! grep -aq bf16 runs/other/latest.safetensors'
holds 'evaluate takes a checkpoint of bf16, info says the precision' \
    '$MHC evaluate runs/whole --held-out unseen > /dev/null &&
     $MHC info --precision bf16 | grep -q "^precision  *bf16"'
bytes() { $MHC info "$@" | sed -n 's/^stream  *[0-9.]*  *//p'; }
holds 'streams take half of the bytes' \
    '[ "$(bytes)" -gt 0 ] &&
     [ "$(bytes)" = $((2 * $(bytes --precision bf16))) ]'
closing
