source tests/commands/common.bash

body() { tail -n +3 "runs/$1/log.jsonl"; }
precisions='
fp8
 fp8-streams fp8-streams-stochastic fp8-streams-mean
'
for precision in $precisions; do
  rm -rf runs
  run="$train --connection mhc --streams 2 --layers 2 --steps 6"
  $run --precision $precision --name whole > out 2> err
  holds "a run in $precision ends well, and says what multiplies" \
      "[ $? = 0 ] && grep -q '^precision $precision; .*E4M3' out &&
       grep -q '\"precision\":\"$precision\"' runs/whole/log.jsonl"
  $run --precision $precision --name half --stop-at 3 > out 2> err
  $MHC train --resume runs/half > out 2> err
  holds "it goes on in $precision, unasked, and comes to the same" \
      "[ $? = 0 ] && grep -q '^precision $precision;' out &&
       [ -n '$(body whole)' ] && cmp <(body whole) <(body half) &&
       alike runs/whole/latest.safetensors runs/half/latest.safetensors"
  $run --precision $precision --lazy 4 --name lazy > out 2> err
  holds "streams that are made again in $precision change no update" \
      "[ $? = 0 ] && [ -n '$(body whole)' ] &&
       cmp <(body whole) <(body lazy)"
    $run --precision $precision --watch-range 2 --name seen > out 2> err
    ranges() { grep '"range"' runs/seen/log.jsonl | grep -c "$1"; }
    holds "--watch-range looks three times in $precision, without harm" \
        '[ $(ranges sublayer.0.stream) = 3 ] &&
         [ $(ranges "sublayer.1.danswer.*saturated.:0") = 3 ] &&
         cmp <(body whole) <(grep -v range <(body seen))'
  $run --name single --stop-at 3 > out 2> err
  $MHC train --resume runs/single --precision $precision > out 2> err
  holds "a run in single goes on in $precision, and says so" \
      "[ $? = 0 ] && grep -q 'was single, is $precision' err"
  holds "evaluate takes a checkpoint of $precision, info says it" \
      "$MHC evaluate runs/whole --held-out unseen > /dev/null &&
       $MHC info --precision $precision |
       grep -q '^precision  *$precision$'"
done
$MHC train --precision fp9 > out 2> err
holds 'a precision that is not there is refused, with those that are' \
    "[ $? = 64 ] && grep -q 'fp9.*fp8' err"
closing
