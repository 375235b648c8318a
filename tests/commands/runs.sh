source tests/commands/common.bash

same() {
    local f
    for f in log.jsonl latest.safetensors best.safetensors; do
        cmp -s "$1/$f" "$2/$f" || { echo "$f differs" >&2; return 1; }
    done
}

head -c 172 text > little
run="$MHC train --data little --held-out unseen $tiny --steps 14"
$run --name whole --threads 1 > out 2> err
holds 'a run ends well' "[ $? = 0 ] && [ -s runs/whole/log.jsonl ]"
$run --name again --threads 1 > out 2> err
$run --name two --threads 2 > out 2> err
$run --name two-again --threads 2 > out 2> err
$run --name other --seed 2 > out 2> err
holds 'the same seed writes the same files' 'same runs/whole runs/again'
holds 'also with two threads' 'same runs/two runs/two-again'
$run --name calm --threads 2 > out 2> err
holds 'of which the library of products has nothing to say' \
    '! grep -q BLAS out err && grep -q "about 0:0" out'
holds 'one thread and two write the same' 'same runs/whole runs/two'
holds 'another seed does not' \
    '[ -s runs/other/log.jsonl ] &&
     ! same runs/whole runs/other 2> err'
for k in $(seq 13); do
    $run --name from-$k --stop-at $k > out 2> err &&
        $MHC train --resume runs/from-$k > out 2> err
    holds "stopped after step $k, the run ends the same" \
        "[ $? = 0 ] && same runs/whole runs/from-$k"
done
$run --name often --stop-at 3 > out 2> err
for k in 4 7 8 12; do
    $MHC train --resume runs/often --stop-at $k > out 2> err
done
$MHC train --resume runs/often > out 2> err
holds 'stopped five times, it ends the same' \
    'same runs/whole runs/often'
# where this script itself runs under nohup, SIGHUP stays ignored
hup=HUP
ignored=$(awk '/^SigIgn:/ { print $2 }' /proc/self/status)
[ $((0x$ignored & 1)) = 0 ] || hup=
for signal in INT TERM $hup USR1 XCPU; do
    $long --name $signal > out 2> err &
    pid=$!
    reach $signal 20
    kill -$signal $pid
    wait $pid
    holds "SIG$signal: the run saves and ends with status 128 and it" \
        "[ $? = $((128 + $(kill -l $signal))) ] &&
         grep -q 'to go on: mhc train --resume' err"
    at=$(steps $signal)
    holds "SIG$signal: it has saved the last step that was made" \
        "$MHC info runs/$signal | grep -q '^step  *$at  '"
    $long --name to-$signal --stop-at $((at + 5)) > out 2> err
    $MHC train --resume runs/$signal --stop-at $((at + 5)) > out 2> err
    holds "SIG$signal: it goes on as if nothing had been" \
        "[ $at -lt 2000 ] && cmp runs/$signal/log.jsonl \
         runs/to-$signal/log.jsonl && cmp \
         runs/$signal/latest.safetensors \
         runs/to-$signal/latest.safetensors"
done
$long --name SEGV > out 2> err &
pid=$!
reach SEGV 20
kill -SEGV $pid
wait $pid
holds 'a crash says so in a line' \
    '[ $? = 139 ] && grep -q "^mhc: stopped by a fault" err &&
     [ "$(tail -c 9 err | tr "\0\n" "@_")" = "is whole_" ] ||
     grep -q AddressSanitizer err'
mkfifo pipe
(exec 3< pipe) &
$long --name PIPE > out 2> pipe
holds 'nobody listens: the run saves and ends with status 141' \
    '[ $? = 141 ] && [ $(steps PIPE) = 1 ]'
$long --name to-PIPE --stop-at 5 > out 2> err
$MHC train --resume runs/PIPE --stop-at 5 > out 2> err
holds 'and goes on as if nothing had been' \
    'alike runs/PIPE/latest.safetensors runs/to-PIPE/latest.safetensors'
$long --name echo > out 2> err &
pid=$!
reach echo 20
kill -TERM $pid
kill -TERM $pid 2> /dev/null
wait $pid
holds 'a signal and its echo are one wish' \
    "[ $? = 143 ] && grep -q 'to go on: mhc train --resume' err"
$MHC train --data text $tiny --steps 3 --name twice \
    --held-out "$book/data/austen.txt" --evaluate-every 1 \
    --evaluate-windows 1000000 > out 2> err &
pid=$!
reach twice 1
kill -INT $pid
sleep 1.1
kill -INT $pid
wait $pid
holds 'a second signal a second later ends the run at once' \
    "[ $? = 130 ] && ! grep -q stopped err &&
     ! grep -q '1,.held_out' runs/twice/log.jsonl"
$MHC evaluate runs/twice --held-out unseen > out 2> err
holds 'and the last checkpoint is whole' \
    "[ $? = 0 ] && grep -q 'nats a byte' out"
(trap '' HUP; exec $long --name nohup --steps 300 > out 2> err) &
pid=$!
reach nohup 20
kill -HUP $pid
wait $pid
holds 'SIGHUP that was ignored is still ignored' \
    '[ $? = 0 ] && [ $(steps nohup) = 300 ]'
$MHC train --data text --name slow --layers 8 --width 512 --heads 8 \
    --batch 16 > out 2> err &
pid=$!
for _ in $(seq 500); do
    grep -q ' parameters; ' out && break
    kill -0 $pid 2> /dev/null || break
    sleep .02
done
began=$(date +%s%N)
kill -TERM $pid
wait $pid
holds 'sizes are told at once, and the start can be left at once' \
    "[ $? = 143 ] && [ $(($(date +%s%N) - began)) -lt 1000000000 ] &&
     grep -q ' parameters; ' out && [ ! -e runs/slow ]"
head -c 150000 "$book/data/persuasion.txt" > much
busy="$MHC train --data text --held-out much $tiny --steps 3"
$busy --name result > out 2> err
for signal in TERM KILL; do
    $busy --name end-$signal > out 2> err &
    pid=$!
    for _ in $(seq 1500); do
        grep -qs '"step":3,"held_out"' runs/end-$signal/log.jsonl &&
            cmp -s runs/end-$signal/latest.safetensors \
                runs/result/latest.safetensors && break
        kill -0 $pid 2> /dev/null || break
        sleep .02
    done
    sleep .1
    kill -$signal $pid
    wait $pid 2> /dev/null
    holds "SIG$signal in the last evaluation: it ends" \
        "[ $? = $((128 + $(kill -l $signal))) ] &&
         ! grep -q whole runs/end-$signal/log.jsonl &&
         { [ $signal = KILL ] ||
           grep -q 'stopped in the evaluation.*--resume' err; }"
    $MHC train --resume runs/end-$signal > out 2> err
    holds "SIG$signal in the last evaluation: it is finished" \
        "[ $? = 0 ] && same runs/result runs/end-$signal &&
         cmp runs/result/loss.svg \
             <(sed s/end-$signal/result/ runs/end-$signal/loss.svg) &&
         grep -q '^held-out loss of all' out"
done
want=$(printf 'held-out loss %.4f' "$(sed -n \
    's/.*"held_out_whole":\([0-9.]*\).*/\1/p' runs/result/log.jsonl)")
$MHC train --resume runs/end-TERM > out 2> err
holds 'then nothing is left to do' '[ $? = 64 ] && grep -q "$want" err'
for i in 1 2 3 4 5 6 7 8; do cat much; done > more
$MHC train --data text --held-out more $tiny --steps 3 --name foretold \
    > out 2> err &
pid=$!
for _ in $(seq 1500); do
    grep -q ' about ' out && break
    kill -0 $pid 2> /dev/null || break
    sleep .02
done
kill -KILL $pid
wait $pid 2> /dev/null
holds 'the time that is told counts the last evaluation' \
    'grep -q " about " out && ! grep -q " about 0:00$" out'
$long --save-every 100000 --name unsaved 2> err > out &
pid=$!
reach unsaved 20
kill -KILL $pid
wait $pid 2> /dev/null
$MHC info runs/unsaved > out 2> err
holds 'a run saves when it is told to, and at its start' \
    'grep -qE "(step|update)s? *0\b" out'
for k in 1 2 3; do
    $long --save-every 7 --name kill-$k > out 2> err &
    pid=$!
    reach kill-$k $((10 + 20 * k))
    kill -KILL $pid
    wait $pid 2> /dev/null
    at=$(steps kill-$k)
    step=$($MHC train --resume runs/kill-$k --stop-at $((at + 9)) 2>&1 |
        sed -n 's/.*: \([0-9]*\) steps of.*/\1/p')
    holds "killed near step $at, at most one interval is lost" \
        "[ -n '$step' ] && [ $step -le $((9 + 7)) ]"
    $long --save-every 7 --name to-$k --stop-at $((at + 9)) > out 2> err
    holds "killed near step $at, the log ends up the same" \
        "cmp runs/kill-$k/log.jsonl runs/to-$k/log.jsonl"
done
$train --steps 2 --name one > out 2> err
cp runs/one/log.jsonl first
$train --steps 3 --name one > out 2> err
holds 'a second run of a name gets a folder of its own' \
    'cmp -s first runs/one/log.jsonl && [ -s runs/one-2/log.jsonl ]'
holds 'latest points at it' '[ "$(readlink runs/latest)" = one-2 ]'
$train --steps 2 --runs deep/er/est > out 2> err
holds 'folders above that of the runs are made' \
    '[ $? = 0 ] && [ -s deep/er/est/run/log.jsonl ]'
rates() {
    sed -n '/"step"/s/.*"rate":\([0-9.e-]*\).*/\1/p' "$1/log.jsonl"
}
$MHC train --data text --held-out unseen --layers 1 --width 16 \
    --heads 2 --context 16 --batch 2 --steps 50 --rate 0.004 \
    --name short > out 2> err
holds 'a short run warms up for a tenth of its steps' \
    '[ "$(rates runs/short | sed -n "1p;5p" | tr "\n" " ")" = \
       "0.0008 0.004 " ] && ! grep -q warmup err'
$train --steps 3 --name never > out 2> err
holds 'a warm-up that a run does not live to see is named' \
    'grep -q "^warmup: 3 of 3 updates" err'
$train --steps 4 --floor 0 --name zero > out 2> err
holds 'and so is a last update that changes nothing' \
    'grep -q "^floor: 0: the last update" err &&
     [ "$(rates runs/zero | tail -n 1)" = 0 ]'
$train --steps 1 --floor 0 --name single > out 2> err
holds 'but not of the only update, whose rate is not 0' \
    '! grep -q "^floor\|^warmup" err &&
     rates runs/single | grep -q "^0.0"'
$MHC train --resume runs/one-2 --steps 5 > out 2> err
holds 'a run can be extended' '[ $(steps one-2) = 5 ]'
holds 'and says so' 'grep -qx "steps: was 3, is 5 from now on" err'
$MHC evaluate runs/whole --held-out unseen > out 2> err
status=$?
want=$(sed -n 's/.*"held_out_whole":\([0-9.]*\).*/\1/p' \
    runs/whole/log.jsonl)
holds 'evaluate finds the loss that training logged' \
    '[ $status = 0 ] && [ -n "$want" ] &&
     grep -q "$(printf %.6f "$want") nats a byte" out'
holds 'and says it in bits, too' \
    'awk "{ e = \$4 / log(2) - \$8 }
          END { exit !(NR && e * e < 1e-10) }" out'
$MHC info runs/whole > out 2> err
status=$?
holds 'info knows sizes and parameters' \
    '[ $status = 0 ] && grep -q "^width *16 " out &&
     grep -q "^embedding *256 x 16 *4096 *yes" out &&
     grep -q "^norm *1 x 16 *16 *no" out &&
     [ $(grep -c "^sublayer" out) = 6 ]'
all=$(awk '/ x / { sum += $5 } END { print sum }' out)
holds 'and their sum, and the memory of the moments' \
    'grep -q "^in all *$all$" out && grep -q "two moments *$(awk \
     "BEGIN { printf \"%.2f\", 8 * $all / 2^20 }")" out'
$MHC plot runs/whole runs/other --output two.svg > out 2> err
status=$?
holds 'plot draws two runs, two curves each, and two lines' \
    '[ $status = 0 ] && [ $(grep -c "<polyline" two.svg) = 4 ] && \
     [ $(grep -c "class=.o" two.svg) = 2 ] && \
     grep -qx "two.svg: 2 runs" out'
holds 'a run draws its own plot' 'grep -q "</svg>" runs/whole/loss.svg'
echo '{"step":1,"lo' > torn.jsonl
$MHC plot torn.jsonl > out 2> err
holds 'plot refuses what is no log' "[ $? = 65 ] && grep -q torn err"
$MHC bench --rounds 3 --layers 1 --width 32 --heads 2 --context 32 \
    --batch 1 > out 2> err
holds 'bench prints shares and the ratio' \
    "[ $? = 0 ] && grep -q '^products alone / step' out &&
     grep -q '^SwiGLU' out"
shares=$(sed -n '/^operation/,/^all else/p' out |
    awk 'NR > 1 { sum += $NF } END { printf "%.0f", sum }')
ratio=$(awk '/^products alone/ { print ($5 > 0 && $5 < 2) }' out)
holds 'the shares add up, the ratio is one' \
    '[ "$shares" -ge 99 ] && [ "$shares" -le 101 ] && [ "$ratio" = 1 ]'
for c in train evaluate info plot bench; do
    $MHC $c --help > out 2> err
    holds "$c --help explains itself" "[ $? = 0 ] && [ ! -s err ] && \
        grep -q 'For instance' out"
done
$MHC --help > out 2> err
holds 'mhc --help lists the commands' \
    "[ $? = 0 ] && [ ! -s err ] && grep -q '^  plot  ' out"
$MHC > out 2> err
holds 'mhc alone does so too, as an error' \
    "[ $? = 64 ] && [ ! -s out ] && grep -q '^  plot  ' err"
$MHC --version > out
holds 'mhc says its version' "[ $? = 0 ] &&
    grep -qF \"mhc $(sed -n 's/.*MHC_VERSION "\(.*\)"/\1/p' \
        "$book/code/commands/commands.h") (\" out"
$MHC train --help > out
missing= found=0
for f in $($MHC info | sed '/^products by/,$d' | cut -d' ' -f1); do
    grep -q -- "--$f" out || missing="$missing $f"
    found=$((found + 1))
done
holds 'train --help lists every field' \
    '[ -z "$missing" ] && [ "$found" -gt 20 ]'
holds 'with its unit' 'grep -q -- "--rate=RATE" out &&
    grep -q -- "--steps=N" out && grep -q -- "--clip=NORM" out'
holds 'and those that are fixed stand first' \
    '[ "$(grep -E "^ (Fixed|May)|--(width|data|steps)=" out |
       sed "s/^ *//; s/[ =].*//" | tr "\\n" " ")" = \
     "--data Fixed --width May --steps " ]'
$train --steps 40 --name plain > out 2> err
holds 'without a terminal there are plain lines, first and last' \
    '! grep -q "$(printf "\r")" err &&
     [ "$(grep -o "^step [0-9/]*" err | tr "\n" " ")" = \
       "step 1/40 step 40/40 " ]'
script -qec "$train --steps 40 --name shown" typescript > out 2>&1
holds 'on a terminal one line is written over and over' \
    'grep -q "$(printf "\r")step" typescript'
sizes="--layers 2 --width 64 --context 128 --batch 8"
$MHC train --data text --held-out text $sizes --steps 1 --name told \
    > out 2> err
$MHC info $sizes > info
wanted=$(awk '/^in all/ && NF == 3 { n = $3 }
    /^in all/ && NF == 4 { print n, int($3 - 8 * n / 2^20 + .5) }' info)
holds 'what a run needs is told before it starts, as info has it' \
    '[ -n "$wanted" ] && [ "$wanted" = \
     "$(sed -n "s/ parameters.* \([0-9]*\) MiB for act.*/ \1/p" out)" ]'
holds 'with four numbers for each parameter' \
    'awk "/ MiB for weights/ { off = 16 * \$1 / 2^20 - \$3; seen = 1 }
          END { exit !(seen && off < 1 && off > -1) }" out'
holds 'the last line says the loss in bits, too' \
    'awk "/^held-out loss of all/ {
              off = \$7 / log(2) - \$11; seen = 1 }
          END { exit !(seen && off < .001 && off > -.001) }" out'
holds 'with the speed of steps, not of years' \
    'grep -q "[1-9][0-9][0-9] tokens/s" typescript'
holds 'with the loss in bold' \
    'grep -q "$(printf "\033\[1m")" typescript'
NO_COLOR=1 script -qec "$train --steps 40 --name grey" typescript > out
holds 'but not under NO_COLOR' \
    'grep -q "step 4" typescript &&
     ! grep -q "$(printf "\033\[1m")" typescript'
closing
