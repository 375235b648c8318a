source tests/commands/common.bash
log() { echo "runs/$1/log.jsonl"; }

$long --name busy > out 2> err &
pid=$!
reach busy 20
$MHC train --resume runs/busy --steps 4000 > out2 2> err2
holds 'a run in use is refused, and its user named' \
    '[ $? = 75 ] && [ $(wc -l < err2) = 1 ] && grep -qE \
     "runs/busy: in use by process $pid on $(hostname) since 2" err2'
$MHC train --resume runs/latest > out2 2> err2
holds 'by whatever name it is called' \
    '[ $? = 75 ] && grep -q "process $pid" err2'
$MHC info runs/busy > out2 2> err2 && $MHC plot runs/busy > out2
holds 'it can be looked at' '[ $? = 0 ] && grep -q "</svg>" loss.svg'
kill -KILL $pid
wait $pid 2> /dev/null
at=$(steps busy)
$MHC train --resume runs/busy --stop-at $((at + 9)) > out 2> err
holds 'after a kill the run is free, and unharmed' \
    '[ $? = 0 ] && [ $(steps busy) = $((at + 9)) ]'
mkdir elsewhere
$MHC train --resume elsewhere > out 2> err
holds 'a folder that is none of a run gets no lock' \
    '[ $? = 66 ] && [ -z "$(ls elsewhere)" ]'
$train --name first --steps 3000 --stop-at 10 > out 2> err
$MHC train --resume runs/latest > out 2> err &
pid=$!
reach first 20
$train --name second --steps 6 --seed 2 > out2 2> err2
kill -INT $pid
wait $pid
holds 'a resumed run stays in its folder' \
    "[ $? = 130 ] && [ $(readlink runs/latest) = second ] &&
     [ $(steps first) -gt 10 ] && [ $(steps second) = 6 ]"
$MHC info runs/second > out 2> err
holds 'and the new run is alone in its own' 'grep -q "^seed *2 " out'
# whole NAME: it ends as runs/there does
whole() {
    alike runs/there/latest.safetensors "$1/latest.safetensors" &&
        cmp <(tail -n +2 "$(log there)") <(tail -n +2 "$1/log.jsonl")
}
mkdir -p deep/down project
$train --name there --steps 9 > out 2> err
$train --name here --steps 9 --stop-at 4 > out 2> err
(cd deep/down && $MHC train --resume ../../runs/here > out 2> err)
holds 'a run goes on from another folder' \
    '[ $? = 0 ] && whole runs/here'
cp text unseen project
(cd project && $train --name here --steps 9 --stop-at 4 > out 2> err)
mv project moved
(cd moved && $MHC train --resume runs/here > out 2> err)
holds 'and in a project that has moved' \
    '[ $? = 0 ] && whole moved/runs/here'
odd=$'a "quoted"\n\xff name'
cp text "$odd"
$MHC train --data "$odd" --held-out unseen $tiny --name "it's one" \
    --steps 9 --stop-at 4 > out 2> err
eval "$(sed 's/.*to go on: //' err)" > out 2> err
holds 'names of any bytes come back, the command to go on is quoted' \
    "[ $? = 0 ] && whole \"runs/it's one\""
cp text old
$MHC train --data old --held-out unseen $tiny --name changed --steps 9 \
    --stop-at 4 > out 2> err
mv old new
$MHC train --resume runs/changed > out 2> err
holds 'a text that is gone is named' '[ $? = 66 ] && grep -q old err'
$MHC train --resume runs/changed --data new --rate 0.004 --stop-at 6 \
    > out 2> err
$MHC train --resume runs/changed --stop-at 7 > out 2> err
holds 'a new name of a text is remembered' \
    '[ $? = 0 ] && [ $(steps changed) = 7 ]'
holds 'the log says what changed, once, before the first step with it' \
    '[ "$(grep -c change "$(log changed)")" = 1 ] &&
     grep -A 1 change "$(log changed)" | cut -c 1-11 | uniq -c |
         grep -q "2 {.step.:5," &&
     grep -q "\"change\",\"data\":\"new\".*\"rate\":0.004}" \
          "$(log changed)"'
cp unseen other
$train --name moved --steps 6 --stop-at 3 > out 2> err
$MHC train --resume runs/moved --held-out other > out 2> err
holds 'a new name of the held-out text leaves the other' \
    '[ $? = 0 ] && [ $(steps moved) = 6 ]'
$train --name torn --steps 40 --stop-at 9 > out 2> err
head -c -20 "$(log torn)" > cut && cp cut "$(log torn)"
torn="runs/torn/log.jsonl: its last line is torn and was left out"
$MHC plot runs/torn > out 2> err
holds 'plot leaves a torn line out, and says so' \
    '[ $? = 0 ] && grep -qx "$torn" err'
$MHC train --resume runs/torn > out 2> err
holds 'so does a run that goes on, and says which steps are missing' \
    '[ $? = 0 ] && [ $(steps torn) = 39 ] &&
     grep -qx "$torn" err && grep -q "no steps from 9 to 9" err &&
     ! grep -q "^{.step.:9,.loss" "$(log torn)"'
$MHC plot runs/torn > out 2> err
holds 'and the hole is seen ever after' \
    'grep -q "there are no steps from 9 to 9" err'
$train --name spoilt --steps 40 --stop-at 9 > out 2> err
sed -i '5s/.*/{"step":3,"loss":oh}/; 7s/^/\x00\x00/' "$(log spoilt)"
$MHC train --resume runs/spoilt > out 2> err
holds 'bad lines do not stop a run, and are said once' \
    '[ $? = 0 ] && [ -s runs/spoilt/loss.svg ] &&
     [ $(grep -c "log.jsonl:5: this is no line of a log" err) = 1 ]'
$train --name gone --steps 9 --stop-at 4 > out 2> err
rm runs/gone/log.jsonl
$MHC train --resume runs/gone > out 2> err
holds 'without a log the text must be named' \
    '[ $? = 64 ] && grep -q "does not say which text" err'
$MHC train --resume runs/gone --data text --held-out unseen > out 2> err
holds 'then the log is begun anew' \
    '[ $? = 0 ] && head -n 1 "$(log gone)" | grep -q unigram &&
     $MHC plot runs/gone > out && [ $(steps gone) = 5 ]'
mkfifo fifo
timeout 10 $MHC plot fifo > out 2> err
holds 'plot does not wait for a pipe' '[ $? = 65 ] && grep -q fifo err'
timeout 10 $MHC info fifo > out 2> err
holds 'nor does info' '[ $? = 66 ] && grep -q fifo err'
$train --name long --steps 3000 --stop-at 9 > out 2> err
awk '{ print } /"step":9,"loss"/ {
    for (i = 0; i < 60000; i++)
        print "{\"step\":9,\"event\":\"none\",\"number\":" i "}" }' \
    "$(log long)" > longer && cp longer "$(log long)"
$MHC train --resume runs/long > out 2> err &
pid=$!
reach long 69
read=$(sed -n 's/^rchar: //p' /proc/$pid/io)
size=$(stat -c %s longer)
kill -INT $pid
wait $pid
holds 'a look does not read the log again' \
    "[ $? = 130 ] && [ $(grep -c '"held_out"' "$(log long)") -gt 30 ] &&
     [ ${read:-0} -gt $size ] && [ $read -lt $((3 * size)) ]"
awk 'BEGIN { for (i = 1; i <= 100000; i++)
    printf "{\"step\":%d,\"loss\":%.6f}\n", i, 5 - i % 7 / 100 }' \
    > hundred.jsonl
$MHC plot hundred.jsonl > out 2> err
holds 'a picture of a hundred thousand steps is small' \
    '[ $? = 0 ] && [ ! -s err ] && grep -q "4.97" loss.svg &&
     [ $(stat -c %s loss.svg) -lt 40000 ]'
(
    ulimit -f 20
    $train --name tight > out 2> err
)
holds 'a disk that is too small is told before the first step' \
    '[ $? = 74 ] && ! grep -q ^step err && [ ! -e runs/tight ] &&
     grep -q "tight/latest.safetensors: .*File too large" err &&
     [ "$(readlink runs/latest)" != tight ]'
script -qec "stty cols 40; $train --steps 40 --name narrow" typescript \
    > out
sed 's/\x1b\[[0-9]*[mK]//g' typescript | tr '\r' '\n' |
    grep ^step > lines
holds 'a line of progress fits the terminal' \
    '[ $(wc -l < lines) -ge 40 ] && [ $(wc -L < lines) -lt 40 ] &&
     [ $(grep -c "loss.*left" lines) -ge 40 ]'
script -qec "stty cols 6; $train --steps 2 --name tiny" typescript > out
sed 's/\x1b\[[0-9]*[mK]//g' typescript | tr '\r' '\n' |
    grep ^step > lines
holds 'also if it is six characters wide' \
    '[ $(wc -l < lines) -ge 2 ] && [ $(wc -L < lines) = 5 ]'
closing
