source tests/commands/common.bash

# undelivered COMMAND...: that what it prints cannot arrive is noticed
undelivered() {
    local said
    "$@" > /dev/full 2> err
    [ $? = 74 ] && grep -q ' standard output: No space left' err ||
        return 1
    "$@" 2> err >&-
    [ $? = 74 ] && grep -q ' standard output: Bad file desc' err ||
        return 1
    said=$( (ulimit -f 0; "$@" 2>&1 > out; echo $?) | tail -n2)
    [[ $said = *" standard output: File too large"*74 ]]
}
mknod null c 1 3 2> err || ln -s /dev/null null
mknod full c 1 7 2> err || ln -s /dev/full full
ln -s /proc/self/fd/1 stdout
$train --steps 4 --name one > out 2> err

for command in --help --version 'train --help' info 'info runs/one' \
    'evaluate runs/one --held-out unseen' \
    'plot runs/one --output null'; do
    holds "mhc $command: what does not arrive is missed" \
        'undelivered $MHC $command'
done
holds 'help that is read only in part is no failure' \
    '[ "$($MHC train --help | head -n 1)" = \
       "Usage: mhc train [OPTION...]" ]'
$train --steps 4 --name unheard > /dev/full 2> err
holds 'a run whose words are lost says so at the end' \
    '[ $? = 74 ] && grep -q "standard output: No space" err'
holds 'but loses nothing else' \
    'alike runs/one/latest.safetensors runs/unheard/latest.safetensors'
$train --steps 4 --name unseen > out 2> /dev/full
holds 'nor does one whose progress is lost' '[ $? = 74 ] &&
    alike runs/one/latest.safetensors runs/unseen/latest.safetensors'
$MHC plot nowhere > /dev/full 2> err
holds 'an error keeps its status' \
    '[ $? = 66 ] && [ $(wc -l < err) = 1 ]'
$train --steps 4 --name silent > out 2>&-
holds 'a run without standard error ends well' '[ $? = 0 ] &&
    grep -q "^runs/silent: latest" out'
$train --steps 4 --name mute 2> err >&-
holds 'one without standard output says so' '[ $? = 74 ] &&
    grep -q "standard output: Bad file descriptor" err'
$train --steps 4 --name bare <&- >&- 2>&-
holds 'one without any does not' '[ $? = 74 ]'
for run in silent mute bare; do
    holds "$run: the files are those of any run" \
        'alike runs/one/log.jsonl runs/$run/log.jsonl &&
         alike runs/one/latest.safetensors \
            runs/$run/latest.safetensors &&
         [ $(wc -l < runs/$run/timing.jsonl) = 4 ]'
done
$train --steps 8 --stop-at 4 --name trap > out 2> err
echo precious > precious
for name in latest.safetensors best.safetensors loss.svg log.jsonl \
    timing.jsonl; do
    for end in part partial; do
        ln -s "$work/precious" runs/trap/$name.$end
    done
done
left=runs/trap/.latest.safetensors.0123456789abcdef.partial
echo left > $left
$MHC train --resume runs/trap > out 2> err
holds 'links with such names are not followed' \
    '[ $? = 0 ] && grep -q "^runs/trap: latest" out &&
     [ "$(cat precious)" = precious ]'
holds 'what a killed run left is gone' \
    'grep -q "^runs/trap: latest" out && [ ! -e $left ]'
echo left > $left
ln -s trap runs/trap/latest
refused 64 'has taken all its' $MHC train --resume runs/trap
holds 'also where nothing is left to do' \
    '[ -s runs/trap/latest.safetensors ] && [ ! -e $left ] &&
     [ ! -L runs/trap/latest ] && grep -q "has taken" err'
$train --steps 8 --stop-at 4 --name lured > out 2> err
rm runs/lured/lock; ln precious runs/lured/lock
$MHC train --resume runs/lured --stop-at 6 > out 2> err
holds 'a lock that is another name of a file does not empty it' \
    '[ $? = 0 ] && grep -q "after step 6" err &&
     [ "$(cat precious)" = precious ]'
for text in precious precious,unfinished; do
    rm runs/lured/log.jsonl
    ln -s ../../precious runs/lured/log.jsonl
    tr , '\n' <<< $text | head -c -1 > precious
    cp precious before
    $MHC train --resume runs/lured --data text --held-out unseen \
        > out 2> err
    holds "what is no log is not cut off ($text)" '[ $? = 65 ] &&
        grep -q "log.jsonl: this is no log" err &&
        alike precious before'
done
$train --steps 4 --stop-at 2 --name inside > out 2> err
cp text runs/inside/loss.svg
refused 64 'loss.svg: it is read, as .*, and cannot be written' \
    $MHC train --resume runs/inside --data runs/inside/loss.svg
holds 'a text that is called like a picture stays' \
    'grep -q "it is read" err && alike text runs/inside/loss.svg'
mkdir mine
echo mine > mine/latest
$train --steps 2 --runs mine > out 2> err
holds 'a file that is called latest stays' \
    '[ $? = 0 ] && [ -d mine/run ] && [ "$(cat mine/latest)" = mine ] &&
     grep -q "^mine/latest is no link" err'
rm mine/latest
for name in first second; do
    $train --steps 2 --runs mine --name $name > out 2> err
    holds "the link leads to the $name run" \
        '[ $? = 0 ] && [ "$(readlink mine/latest)" = $name ]'
done
holds 'no link is left elsewhere' '[ -d mine/second ] &&
    [ "$(find mine -type l)" = mine/latest ]'
for name in latest . .. .hidden; do
    refused 64 'a name without slashes' $train --steps 2 --name $name
done
# written NAME COMMAND...: writes good, and the same into each place
written() {
    local name=$1
    shift
    "$@" good > said 2> err
    holds "$name: it is written" '[ $? = 0 ] && [ -s good ]'
    mkdir -p deep folder
    rm -f pipe link dangling deep/*
    echo old > deep/file
    ln -s file deep/link; ln -s deep/link link
    ln -s deep/new dangling
    for place in link dangling; do
        "$@" $place > said 2> err
        holds "$name: a link that is $place is followed and stays" \
            '[ -L $place ] && [ -L deep/link ] && alike good $place'
    done
    mkfifo pipe
    timeout 20 cat pipe > got &
    timeout 20 "$@" pipe > said 2> err
    : <> pipe
    wait $!
    holds "$name: a pipe gets it and stays a pipe" \
        '[ -p pipe ] && alike good got'
    "$@" null > said 2> err
    holds "$name: a device stays a device" \
        '[ $? = 0 ] && grep -q ^null said && [ -c null ]'
    { echo first; "$@" stdout; } > got 2> err
    { echo first; cat good; } > want
    holds "$name: standard output is added to" \
        'grep -q ^stdout err && alike got want'
    "$@" stdout 2> err | cat > got
    holds "$name: also if it is a pipe" 'alike good got'
    refused 73 'folder: cannot make it: Is a directory' "$@" folder
}
written picture $MHC plot runs/one --output
refused 73 'nowhere/x: cannot make it: No such' \
    $MHC plot runs/one --output nowhere/x
refused 74 ' full: cannot write it: No space' \
    $MHC plot runs/one --output full
ln runs/one/log.jsonl hard
ln -s runs/one/log.jsonl soft
cp runs/one/log.jsonl before
for log in runs/one/log.jsonl ./runs/one/../one/log.jsonl hard soft; do
    refused 64 "^mhc plot: $log: it is read" \
        $MHC plot runs/trap runs/one --output $log
    refused 64 "^mhc plot: $log: it is read" \
        $MHC plot runs/one/log.jsonl --output $log
done
holds 'the log is as it was' 'alike runs/one/log.jsonl before'
holds 'mhc sample: what does not arrive is missed' \
    'undelivered $MHC sample runs/one --length 9'
$train --connection hc --steps 2 --name hc > out 2> err
gain="$MHC gain runs/hc --data unseen"
$gain --out good > out 2> err
for end in csv svg; do
    ln -sf null to.csv; ln -sf null to.svg
    holds "mhc gain: what does not arrive is missed (no $end)" \
        'undelivered $gain --out to'
    rm -f to.$end; mkfifo to.$end
    timeout 20 cat to.$end > got &
    timeout 20 $gain --out to > out 2> err
    : <> to.$end
    wait $!
    holds "mhc gain: a pipe gets its $end" \
        '[ -p to.$end ] && [ -c null ] && alike good.$end got'
    rm to.$end; ln -s deep/gain to.$end
    $gain --out to > out 2> err
    holds "mhc gain: its $end is put where a link leads" \
        '[ -L to.$end ] && alike good.$end deep/gain'
    ln -sf full to.$end
    refused 74 "to.$end: cannot write it: No space" $gain --out to
done
cp unseen own.csv
refused 64 'own.csv: it is read' \
    $MHC gain runs/hc --data own.csv --out own
ln runs/hc/latest.safetensors weights.svg
cp runs/hc/latest.safetensors before
refused 64 'weights.svg: it is read' $gain --out weights
ln -s runs/hc/log.jsonl log.svg
refused 64 'log.svg: it is read' $MHC gain runs/hc --history --out log
holds 'mhc gain leaves what it reads as it is' 'alike unseen own.csv &&
    grep -q step runs/hc/log.jsonl && [ ! -e own.svg ] &&
    alike runs/hc/latest.safetensors before && [ -s good.csv ]'
holds 'mhc upcycle: what is printed arrives or is missed' \
    '! $MHC upcycle runs/one --out lost > full 2> err &&
     grep -q "standard output: No space" err &&
     [ -s lost/latest.safetensors ] && [ -s lost/log.jsonl ]'
(ulimit -f 1; $MHC upcycle runs/one --out none 2>&1 > out; echo $?) |
    cat > said
holds 'mhc upcycle: a disk that is full leaves no folder' \
    'grep -q "none/latest.safetensors: cannot write" said &&
     [ "$(tail -n 1 said)" = 74 ] && [ ! -e none ]'
$train --connection mhc --steps 2 --name mhc > out 2> err
trace="$MHC trace runs/mhc --data unseen"
written trace $trace --out
refused 74 ' full: cannot write it: No space' $trace --out full
cp runs/mhc/latest.safetensors before
cp unseen text-before
ln runs/mhc/latest.safetensors same
ln -s unseen soft-text
for file in runs/mhc/latest.safetensors same unseen soft-text; do
    refused 64 "^mhc trace: $file: it is read" $trace --out $file
done
holds 'mhc trace leaves what it reads as it is' \
    'alike runs/mhc/latest.safetensors before &&
     alike unseen text-before && [ -s good ] && ! cmp -s good before'
for command in "trace runs/mhc --data unseen --out null" \
    "check good --site 1" "check --names"; do
    holds "mhc $command: what does not arrive is missed" \
        'undelivered $MHC $command'
done
holds 'no partial file is left' '[ -s runs/one/latest.safetensors ] &&
    [ -z "$(find . -name "*.partial" ! -type l)" ]'
closing
