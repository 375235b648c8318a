source tests/commands/common.bash

refused 64 'frobnicate: no such command' $MHC frobnicate
refused 64 '--frobnicate: unknown option' $train --frobnicate
refused 64 '^mhc train: -x: unknown option' $train -x
refused 64 '--evaluate: is it --evaluate-every or --evaluate-win' \
    $train --evaluate 3
refused 64 '--steps: its value is missing: --steps N' $train --steps
refused 64 '--ste: its value is missing: --steps N' \
    $train --seed 2 --ste
refused 64 '--help=yes: --help takes no value' $train --help=yes
refused 64 'extra: what is this' $train extra
refused 64 'which text' $MHC train
refused 64 '--name new: a run that goes on keeps its name' \
    $MHC train --resume runs/run --name new
refused 64 '--init x: a run that goes on has its weights' \
    $MHC train --resume runs/run --init x
refused 64 'a name without slashes' $train --name a/b
refused 64 'a name without slashes' $train --name ''
refused 64 '--threads 0' $train --threads 0
refused 64 '--threads 2x' $train --threads 2x
refused 64 '--stop-at 9' $train --steps 8 --stop-at 9
refused 64 'which run' $MHC plot
refused 64 'one checkpoint at a time' $MHC info a b
refused 64 'are wanted' $MHC evaluate a
refused 64 '--rounds 0' $MHC bench --rounds 0
for command in train evaluate info bench; do
    refused 64 "^mhc $command: device: .* 'tpu', but cpu" \
        $MHC $command --device tpu
    refused 64 "^mhc $command: precision: .* 'half' on the cpu, but" \
        $MHC $command --precision half
done
holds 'what is refused leaves no folder behind' \
    '[ $passed -gt 0 ] && [ ! -e runs ]'
refused 64 'one checkpoint or run' $MHC sample
refused 64 'one checkpoint or run' $MHC sample a b
for t in nan -1 x 1x 101 inf 0x1 1e-400 ' 1' ''; do
    refused 64 "--temperature $t: a number" \
        $MHC sample a --temperature "$t"
done
refused 64 '--top-k x' $MHC sample a --top-k x
refused 64 '--length -1' $MHC sample a --length -1
refused 64 '--seed 1.5' $MHC sample a --seed 1.5
: > empty
head -c 16 text > short
refused 66 'missing: No such file' $MHC train --data missing $tiny
refused 66 'unheard: No such' $MHC train --data text --held-out unheard
refused 65 'empty' $MHC train --data empty $tiny
refused 65 'short' $MHC train --data short --held-out text $tiny
refused 65 'short' $MHC train --data text --held-out short $tiny
mkdir folder
refused 66 'folder' $MHC train --data folder $tiny
refused 64 width $train --width 15
refused 64 heads $train --width 6 --heads 2
refused 64 width $train --width 0
refused 64 layers $train --layers -1
refused 64 layers $train --layers 99999999999999999999999
refused 64 context $train --context 0
refused 64 batch $train --batch 0
refused 64 steps $train --steps 0
refused 64 rate $train --rate nan
refused 64 rate $train --rate -1
refused 64 beta2 $train --beta2 1
refused 64 connection $train --connection telepathy
refused 64 streams $train --streams 2
refused 64 tied $train --tied=perhaps
refused 64 width $MHC info --width 15
refused 64 connection $MHC info --connection telepathy
refused 64 heads $MHC bench --width 6 --heads 4
"$MHC" train --data text --held-out text --layers 4096 --width 65536 \
    --heads 8 --context 64 --batch 65536 > out 2> err
holds 'a model that no machine holds is refused in one line' \
    '[ $? -gt 1 ] && [ $(wc -l < err) = 1 ] &&
     grep -q "mhc train: .*or --width, or say --frugal$" err'
refused 73 'text/runs' $train --steps 2 --runs text/runs
refused 73 'text/runs' $train --steps 2 --runs text/runs/deeper
$train --steps 6 --name full > out 2> err
cp runs/full/latest.safetensors before
(
    ulimit -f 20
    $MHC train --resume runs/full --steps 12 > out 2> err
)
holds 'a full disk ends the run with status 74' "[ $? = 74 ]"
holds 'a full disk is named in one line' \
    'grep -qE "^mhc train: .*(File too large|No space)" err'
holds 'a full disk leaves the last checkpoint as it was' \
    'cmp -s before runs/full/latest.safetensors'
holds 'a full disk leaves nothing half-written' \
    '[ "$(echo $(ls runs/full))" = "best.safetensors \
latest.safetensors lock log.jsonl loss.svg timing.jsonl" ]'
good=runs/full/latest.safetensors
size=$(stat -c %s $good)
head -c $((size / 2)) $good > truncated
refused 65 'truncated' $MHC info truncated
cp $good flipped
byte=$(od -An -tu1 -j $((size - 5)) -N 1 $good)
printf "\\x$(printf %x $((byte ^ 4)))" |
    dd of=flipped bs=1 seek=$((size - 5)) conv=notrunc 2> /dev/null
refused 65 'flipped.*checksum' $MHC info flipped
{ printf '\0\0\0\0\0\0\0\200'; tail -c +9 $good; } > huge
refused 65 'huge' $MHC info huge
refused 66 'absent' $MHC info absent
refused 65 'text' $MHC evaluate text --held-out unseen
refused 66 'absent' $MHC sample absent
refused 66 'folder/latest' $MHC sample folder
refused 65 'flipped.*checksum' $MHC sample flipped
$train --steps 2 --vocabulary 300 --name wide > out 2> err
refused 65 'its 300 tokens are not bytes' $MHC sample runs/wide
$train --steps 2 --vocabulary 128 --name ascii > out 2> err
refused 64 'prompt: byte 194 is not among .* 128' \
    $MHC sample runs/ascii --prompt $'one \xc2\xa3'
refused 64 'prompt: byte 128 is not among .* 128' \
    $MHC sample runs/ascii --prompt $'one \x80'
holds 'nothing of such a prompt is printed' '[ -s err ] && [ ! -s out ]'
wild="--rate 1000 --decay 1000 --clip 0 --save-every 1 --steps 40"
$train $wild --warmup 0 --name wild > out 2> err
holds 'a loss that is not finite ends with status 1' \
    "[ $? = 1 ] && [ -s runs/wild/log.jsonl ]"
holds 'it is named with its step' \
    'grep -qE "^mhc train: update [0-9]+: the (loss|gradient)" err'
script -qec "$train $wild --warmup 0 --name wild-too" typescript > out
holds 'on a line of its own' 'grep -q "^mhc train: update" typescript'
holds 'and with the step that is saved, and what to try' \
    'saved=$(sed -n "s/.* saved is update \([0-9]*\), .*/\1/p" err) &&
     $MHC info runs/wild | grep -q "^step *$saved " &&
     grep -q "train --resume runs/wild --rate 500 --clip 1$" err'
holds 'and the last good checkpoint stays' \
    '$MHC info runs/wild | grep -q "^layers"'
$train --steps 6 --stop-at 3 --name broken > out 2> err
size=$(stat -c %s runs/broken/latest.safetensors)
printf '\125' | dd of=runs/broken/latest.safetensors bs=1 \
    seek=$((size - 5)) conv=notrunc 2> /dev/null
cp runs/broken/latest.safetensors damaged
refused 65 'broken/latest.*checksum' $MHC train --resume runs/broken
holds 'what is damaged is left as it is' \
    'cmp damaged runs/broken/latest.safetensors &&
     [ $(steps broken) = 3 ]'
$train --steps 6 --evaluate-every 100 --stop-at 3 --name drawn > out \
    2> err
rm -f runs/drawn/loss.svg
mkdir runs/drawn/loss.svg
$MHC train --resume runs/drawn > out 2> err
holds 'a run whose last picture fails has failed' \
    '[ $? = 73 ] && tail -n 1 err | grep -q "drawn/loss.svg: "'
refused 64 '--width 32: the run in runs/full has 16' \
    $MHC train --resume runs/full --width 32
$train --steps 6 --stop-at 3 --name half > out 2> err
refused 65 'training text' \
    $MHC train --resume runs/half --data unseen
echo torn > runs/full/.loss.svg.0123456789abcdef.partial
refused 64 'has taken all its' $MHC train --resume runs/full
holds 'what a death left behind is swept, even so' \
    '[ -s runs/full/latest.safetensors ] &&
     ! ls -A runs/full | grep partial'
refused 66 'nowhere' $MHC train --resume nowhere
closing
