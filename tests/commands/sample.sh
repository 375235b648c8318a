source tests/commands/common.bash

$train --steps 300 --rate 0.01 --vocabulary 128 --name ascii \
    > out 2> err
$train --steps 20 --name bytes > out 2> err

# write FILE OPTION...: a text by the model of 128 tokens
write() {
    local file=$1
    shift
    $MHC sample runs/ascii --prompt 'It is' --length 90 "$@" \
        > "$file" 2> err
}

write one
holds 'a model writes' '[ $? = 0 ] && [ ! -s err ] && [ -s one ]'
write again
write first --seed 1
write other --seed 2
holds 'the same seed writes the same text' 'alike one again'
holds 'seed 1 is the one that is taken by itself' 'alike one first'
write zero --seed 0
holds 'another seed writes another' \
    '! cmp -s one other && ! cmp -s one zero && [ -s zero ]'
OMP_NUM_THREADS=1 write single
holds 'threads change nothing' 'alike one single'
$MHC sample runs/ascii/latest.safetensors --prompt 'It is' --length 90 \
    > file 2> err
holds 'a run and its latest checkpoint are one' 'alike one file'
write hot --temperature 100
kinds=$(tail -c +6 hot | od -An -v -tu1 -w1 | sort -u | wc -l)
holds 'each byte has a random number of its own' \
    '[ $kinds -gt 45 ] && [ $kinds -lt 85 ]'
write cold --temperature 0
write colder --temperature 0 --seed 7
write single --top-k 1 --seed 7
write few --top-k 2
write all --top-k 128
write default --temperature 0.8
holds 'what is read matters' \
    '[ $(tail -c 9 cold | od -An -v -tu1 -w1 | sort -u | wc -l) -gt 2 ]'
holds 'at temperature 0 the seed does not matter' 'alike cold colder'
holds 'top-k 1 is the same' 'alike cold single'
holds 'drawing is something else' '! cmp -s cold one'
holds 'top-k 2 is neither' '! cmp -s few one && ! cmp -s few cold'
holds 'top-k of all is all' 'alike all one'
holds 'the temperature is 0.8 unless said' 'alike default one'
write long --length 91
holds 'length counts bytes, after the prompt' \
    '[ $(wc -c < one) = 96 ] && [ $(wc -c < long) = 97 ]'
holds 'a longer text begins with the shorter one' \
    '[ -s one ] && cmp -s <(head -c 95 one) <(head -c 95 long)'
for n in 1 40 89; do
    write short --length $n --temperature 0
    holds "greedily too, after $n bytes" \
        '[ -s cold ] &&
         cmp -s <(head -c $((5 + n)) short) <(head -c $((5 + n)) cold)'
done
write nothing --length 0
holds 'length 0 is the prompt' '[ "$(cat nothing)" = "It is" ]'
$MHC sample runs/ascii > long 2> err
holds '500 bytes unless said, after a line break' \
    '[ $(wc -c < long) = 502 ] && [ "$(head -n 1 long)" = "" ]'
holds 'the prompt comes first' '[ "$(head -c 5 one)" = "It is" ]'
for cut in 1 7 10 11 12 16 17 18 40; do
    begin=$(head -c $((5 + cut)) cold; echo .)
    $MHC sample runs/ascii --prompt "${begin%.}" --temperature 0 \
        --length $((90 - cut)) > cut 2> err
    holds "cut after $cut, a text goes on as before" 'alike cut cold'
done
$MHC sample runs/ascii --prompt '' > empty 2> err
holds 'no prompt is a line break' 'alike empty long'
hot="$MHC sample runs/bytes --temperature 100 --length 3000"
$hot > wild 2> err
holds 'a model of bytes writes rubbish' \
    'grep -q "$(printf "\357\277\275")" wild'
holds 'which is shown as well-formed UTF-8' \
    'iconv -f utf-8 -t utf-8 wild > copy && alike wild copy'
$MHC sample runs/bytes --prompt $'a \xc2\xa3' --length 0 > pound 2> err
holds 'a prompt may be in UTF-8' \
    '[ "$(od -An -tx1 pound)" = " 61 20 c2 a3 0a" ]'
$MHC sample runs/bytes --prompt $'a\xe2\x82' --length 0 > half 2> err
holds 'half a character at the end is replaced' \
    '[ "$(od -An -tx1 half)" = " 61 ef bf bd 0a" ]'

# numbers FILE OFFSET BYTES: a checkpoint without a checksum, with other
# numbers from so many bytes behind its header on
numbers() {
    LC_ALL=C sed 's/"checksum/"checksux/g' \
        runs/bytes/latest.safetensors > "$1"
    local header
    header=$(od -An -tu8 -N 8 "$1")
    printf "$3" | dd of="$1" bs=1 seek=$((8 + header + $2)) \
        conv=notrunc 2> /dev/null
}

numbers nan 64 '\0\0\300\177'
$MHC sample nan > out 2> err
holds 'a weight that is not a number is refused by its place' \
    "[ $? = 65 ] && [ ! -s out ] && grep -q \
     '^mhc sample: nan: tensor embedding: number 16 is not finite' err"
norm=$(LC_ALL=C grep -ao '"norm":{[^}]*' runs/bytes/latest.safetensors |
    sed 's/.*\[\([0-9]*\),.*/\1/')
most='\346\261\141\177'
head=$(LC_ALL=C grep -ao '"head":{[^}]*' runs/bytes/latest.safetensors |
    sed 's/.*\[\([0-9]*\),.*/\1/')
numbers zero "$head" "$(printf "${most//\\/\\\\}%.0s" {1..16})"
$MHC sample zero --prompt x > out 2> err
holds 'so is one that overflows for byte 0 alone' \
    '[ $? = 65 ] && grep -q "zero: the model.s logits are not" err'
numbers large "$norm" "$(printf "${most//\\/\\\\}%.0s" {1..32})"
$MHC sample large --prompt x > out 2> err
holds 'logits that overflow are refused, too' \
    "[ $? = 65 ] && [ \$(cat out) = x ] && grep -q \
     'large: the model.s logits are not finite' err"
for length in 0 50; do
    $MHC sample runs/ascii --length $length > /dev/full 2> err
    holds "a full disk is reported, also for $length bytes" \
        "[ $? = 74 ] && [ \$(wc -l < err) = 1 ] &&
         grep -q '^mhc sample: standard output: No space' err"
done
for length in 1018 1019 1020 9000; do
    (trap '' XFSZ; ulimit -f 1; write big --length $length)
    echo "$? $(wc -c < big) $(grep -c 'output: File too large' err)"
done > statuses
holds 'a file that may have 1024 bytes is full after 1024' \
    '[ "$(cat statuses)" = "$(printf "%s\n" "0 1024 0" "74 1024 1" \
        "74 1024 1" "74 1024 1")" ]'
timeout 20 $MHC sample runs/ascii --length 1000000000 2> err |
    head -c 9 > out
holds 'it stops if nobody reads any more' \
    "[ ${PIPESTATUS[0]} != 124 ] && [ \$(wc -c < out) = 9 ]"
$MHC sample --help > out 2> err
holds 'sample --help explains itself' "[ $? = 0 ] && [ ! -s err ] &&
    grep -q 'For instance' out && grep -q -- --top-k=K out"
$MHC --help > out
holds 'and mhc --help knows of it' 'grep -q "^  sample " out'
closing
