source tests/commands/common.bash

$train --connection hc --steps 2 --name four > out 2> err
holds 'a kind that has streams gets four unless told otherwise' \
    '[ $? = 0 ] && grep -q "hc connection, 4 streams$" out &&
     $MHC info runs/four | grep -q "^streams  *4 " &&
     $MHC info --connection hc --streams 1 | grep -q "^streams  *1 " &&
     $MHC info | grep -q "^streams  *1 "'
hc="$train --connection hc --streams 3 --steps 12 --rate 0.03"
$hc --name hc --threads 1 > out 2> err
$hc --name more --recompute 2 --threads 2 > out 2> err
event='"event":"gain","forward":[0-9.]*,"forward_least":[0-9.]*,"back'
holds 'each look at the held-out text notes the gains' \
    '[ $(grep -c "$event" runs/hc/log.jsonl) = 6 ]'
holds 'recomputation and threads change none of them' \
    '[ $(grep -c "$event" runs/more/log.jsonl) = 6 ] &&
     cmp <(tail -n +2 runs/hc/log.jsonl) \
         <(tail -n +2 runs/more/log.jsonl)'
for k in 1 2 3 5 7 10; do
    $hc --name from-$k --stop-at $k > out 2> err &&
        $MHC train --resume runs/from-$k > out 2> err
    holds "stopped after step $k, a mixing run ends the same" \
        "[ $? = 0 ] && cmp runs/hc/log.jsonl runs/from-$k/log.jsonl &&
         cmp runs/hc/latest.safetensors runs/from-$k/latest.safetensors"
done
$train --name plain --steps 4 > out 2> err
holds 'a residual run notes none' '[ -s runs/plain/log.jsonl ] &&
    ! grep -q event runs/plain/log.jsonl'

# agrees PICTURE POINTS: its curves go through these, lines "x y"
agrees() {
    grep -o 'points="[^"]*' "$1" | cut -d'"' -f2 | xargs -n1 |
        tr , ' ' | paste -d' ' - "$2" | awk '
        BEGIN { most = high = 1; low = 0 }
        NF != 4 || $4 <= 0 { wrong++; next }
        { across[NR] = $1; down[NR] = $2; x[NR] = $3
          y[NR] = log($4) / log(10)
          if (x[NR] > most) most = x[NR]
          while (y[NR] > high) high++
          while (y[NR] < low) low-- }
        END { for (i = 1; i <= NR; i++) {
              a = across[i] - 64 - 546 * x[i] / most
              d = down[i] - 392 + 368 * (y[i] - low) / (high - low)
              wrong += a * a > 0.01 || d * d > 0.01 }
          exit wrong > 0 || NR == 0 }'
}

$MHC gain runs/hc --data unseen --out a > out 2> err
holds 'mhc gain prints a line for each sublayer' \
    '[ $? = 0 ] && [ ! -s err ] && [ $(grep -cE "^ +[01] " out) = 2 ] &&
     grep -q "^ *exit" out && grep -q "(64 tokens)" out'
for k in 6 7 8 9; do
    awk -F, "NR > 1 && NR < 4 { print \$1, \$$k }" a.csv
done > points
holds 'the table, the CSV and the picture agree' \
    '[ $(wc -l < a.csv) = 4 ] && grep -q "</svg>" a.svg &&
     [ $(grep -c "<polyline" a.svg) = 4 ] && agrees a.svg points &&
     grep -qF " $(awk -F, "NR == 3 { printf \"%.5g\", \$6 }" \
                      a.csv) " out'
holds 'single and composite agree where they must' \
    'awk -F, "NR == 2 && \$2 != \$6 { e = 1 }
     NR == 3 && (\$4 != \$8 || \$2 == \$6) { e = 1 }
     END { exit e }" a.csv'
cp a.csv b.csv
file=runs/more/latest.safetensors
$MHC gain $file --data unseen --out a > out 2> err
holds 'a checkpoint under recomputation says the same' 'cmp a.csv b.csv'
$MHC gain runs/plain --data unseen --windows 2 --out c > out 2> err
holds 'a residual network says one, exactly' '[ $? = 0 ] &&
    [ "$(sed -n 2,3p c.csv | cut -d, -f2- | sort -u)" = \
      1,1,1,1,1,1,1,1,1 ] && grep -q "forward 1 to 1, b.*(32 t" out'
$MHC gain runs/hc --history --out d > out 2> err
holds 'a history has three curves' '[ $? = 0 ] && [ ! -s err ] &&
    [ "$(grep -o "points=\"[^\"]*" d.svg | sed "s/.*\"//" | wc -lw |
       xargs)" = "3 24" ]'
for k in gradient_norm forward backward; do
    sed -nE "s/.*\"step\":([0-9]*),.*\"$k\":([0-9.e+-]*).*/\1 \2/p" \
        runs/hc/log.jsonl
done > points
holds 'and goes through what the log says' 'agrees d.svg points'
cp -r runs/hc torn
head -c -9 runs/hc/log.jsonl > torn/log.jsonl
$MHC gain torn --history --out e > out 2> err
holds 'a torn last line is left out, and that is said' \
    '[ $? = 0 ] && cmp d.svg e.svg && grep -qx \
     "torn/log.jsonl: its last line is torn and was left out" err'
$MHC gain --help > out 2> err
holds 'mhc gain --help explains itself' \
    "[ $? = 0 ] && grep -q 'For instance' out"
head -c 16 text > short
: > empty
mkdir -p none && echo '{"unigram":3}' > none/log.jsonl
refused 64 'a checkpoint and --data FILE are' $MHC gain runs/hc
refused 64 'a checkpoint and --data FILE are' $MHC gain --data text
refused 64 'one checkpoint at a time' $MHC gain a b --data text
refused 64 '--windows 0' $MHC gain runs/hc --data text --windows 0
refused 66 'absent' $MHC gain absent --data text
refused 66 'absent' $MHC gain runs/hc --data absent
refused 65 'empty' $MHC gain runs/hc --data empty
refused 65 'short' $MHC gain runs/hc --data short
refused 65 'text' $MHC gain text --data text
refused 73 'nowhere' $MHC gain runs/hc --data text --out /nowhere/x
refused 64 'which run' $MHC gain --history
refused 66 'absent' $MHC gain absent --history
refused 65 'no step' $MHC gain none --history
refused 64 'streams 4: the run in runs/hc has 3' \
    $MHC train --resume runs/hc --steps 20 --streams 4
refused 64 'streams' $MHC train --data text --connection hc --streams 9
closing
