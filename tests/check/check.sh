source tests/commands/common.bash

m="--connection mhc --streams 4"
$train $m --steps 30 --rate 0.02 --layers 2 --name m > out 2> err
$train --steps 2 --name r > out 2> err
$train $m --steps 2 --frugal --name f > out 2> err
$train --vocabulary 128 --steps 2 --name v > out 2> err
trace="$MHC trace runs/m --data unseen"
$trace --out one.st > out 2> err
holds 'a run is traced' \
    '[ $? = 0 ] && grep -q "^one.st: .* tensors of 16 tokens, loss" out'
head -c 17 unseen > window
$MHC trace runs/m --data window --out window.st > out 2> err
$MHC evaluate runs/m --held-out window > loss 2> err
holds 'its loss is that of evaluate' \
    'grep -q "$(sed "s/.* on window: \([0-9.]* nats\).*/\1/" loss)" out'
$trace --windows 3 --out two.st > out 2> err
$trace --windows 3 --out three.st > out 2> err
holds 'twice the same' 'cmp two.st three.st && grep -q "of 48 tok" out'
for l in 0 1 2 3; do
    $MHC check two.st --site $l > out 2> err
    holds "sublayer $l agrees with the paper" "[ $? = 0 ] &&
        grep -qE '^1[67] of 1[67] agree with the paper' out"
done
holds 'the exit is checked after the last' 'grep -q "^exit " out'
judged() {
    $MHC check "$@" > out 2> err
    [ $? = $status ] && [ -s out ]
}
status=0
for n in 1 2; do
    $train --connection mhc --streams $n --steps 1 --name fresh$n \
        --seed $n > out 2> err
    $MHC trace runs/fresh$n --data unseen --windows 2 --out fresh$n.st \
        > out 2> err
    for l in 0 1; do
        holds "fresh, $n streams: sublayer $l agrees" \
            "judged fresh$n.st --site $l &&
             grep -qE '^1[67] of 1[67] agree with the paper' out"
    done
done
# numbers FIRST: 48 of the file, bytes FIRST: 48 of the text
grep -aq '"real":"double"' two.st && w=8 || w=4
header=$(od -An -t u8 -N 8 two.st)
numbers() {
    od -An -v -t f$w -w$w -j $((8 + header + $1 * w)) \
        -N $((48 * w)) two.st
}
bytes() { od -An -v -t u1 -w1 -j $1 -N 48 unseen; }
holds 'its windows are the text, one after the other' \
    'paste <(numbers 0; numbers 48) <(bytes 0; bytes 1) > both &&
     [ $(wc -l < both) = 96 ] && awk "\$1 != \$2 { exit 1 }" both'
$MHC trace runs/r --data unseen --out r.st > out 2> err
holds 'a residual run is traced, too' '[ $? = 0 ] && [ -s r.st ]'
$MHC trace runs/f --data unseen --out f.st > out 2> err
holds 'so is one that recomputes' \
    '[ $? = 0 ] && $MHC check f.st --site 1 > out 2> err && [ -s out ]'
$MHC check --names > out
holds 'the names are listed' '[ $? = 0 ] && [ $(wc -l < out) = 18 ] &&
    grep -q "^h_res  *\[T, n, n\]" out'

# st FILE BYTES: a header from the input, before so many zeros
st() {
    local header size
    header=$(tr "'\n" '" ')
    size=${#header}
    printf "\\x$(printf %02x $((size % 256)))" > "$1"
    printf "\\x$(printf %02x $((size / 256)))\0\0\0\0\0\0%s" \
        "$header" >> "$1"
    head -c "$2" /dev/zero >> "$1"
}
given="{'streams':{'dtype':'F32','shape':[2,2,1],'data_offsets':[0,16]},
'phi':{'dtype':'F32','shape':[2,8],'data_offsets':[16,80]},
'alpha':{'dtype':'F32','shape':[3],'data_offsets':[80,92]},
'bias':{'dtype':'F32','shape':[8],'data_offsets':[92,124]}"
half=",'h_pre':{'dtype':'BF16','shape':[2,2],'data_offsets':[124,132]}}"
st zero.st 132 <<< "$given$half"
$MHC check zero.st > out 2> err
holds 'h_pre of 0 where 1/2 is right: status 1' \
    '[ $? = 1 ] && grep -q "^not explained: h_pre" out'
holds 'what was not given is said' \
    'grep -q "^not given: h_post h_res input" out'
epsilon=",'__metadata__':{'sinkhorn_epsilon':'0.5'}"
for form in paper released; do
    st $form.st 124 <<< "$given$epsilon$half"
done
printf '\0\77\0\77\0\77\0\77' >> paper.st
printf '\200\77\200\77\200\77\200\77' >> released.st
for form in paper released; do
    status=0
    holds "$form: h_pre agrees" 'judged $form.st &&
        judged $form.st --convention $form'
done
status=1
holds 'with the other form it does not' 'judged paper.st \
    --convention released && judged released.st --convention paper'
st given.st 124 <<< "$given}"
st few.st 80 <<< "${given%%,??alpha*}}"
{ printf '\300'; cat unseen; } > first
{ head -c 16 unseen; printf '\300'; } > last
{ head -c 17 unseen; printf '\300'; } > behind
$MHC trace runs/v --data behind --out v.st > out 2> err
holds 'a byte behind the windows does not matter' \
    '[ $? = 0 ] && [ -s v.st ]'
refused 65 'nothing to compare' $MHC check given.st
refused 65 'streams: it is missing.* --site, 0 to 3$' $MHC check two.st
refused 65 'phi: .* --site, 0 to 3$' $MHC check two.st --site 4
refused 65 'alpha: it is missing$' $MHC check few.st
refused 65 'r.st: it is a trace of the kind residual, and only' \
    $MHC check r.st --site 1
for k in hc-static identity mhc-lite; do
    $train --connection $k --streams 2 --steps 1 --name $k > out 2> err
    $MHC trace runs/$k --data unseen --out $k.st > out 2> err
    refused 65 "trace of the kind $k, and only" \
        $MHC check $k.st --site 0
done
refused 65 'header' $MHC check text
refused 66 'nowhere' $MHC check nowhere
refused 64 'one file is wanted' $MHC check
refused 64 'site x' $MHC check two.st --site x
refused 64 'convention x' $MHC check two.st --convention x
refused 64 'precision f12' $MHC check two.st --site 1 --precision f12
refused 64 'are wanted' $MHC trace runs/m --data unseen
refused 64 'windows 0' $trace --windows 0 --out x.st
refused 65 'too few for 1000 windows' $trace --windows 1000 --out x.st
refused 66 'nowhere' $MHC trace runs/m --data nowhere --out x.st
refused 65 'byte 0 is 192, .* only 128' $MHC trace runs/v --data first \
    --out x.st
refused 65 'byte 16 is 192' $MHC trace runs/v --data last --out x.st
LC_ALL=C sed 's/"checksum/"checkers/g; s/"residual"/"residuum"/' \
    runs/r/latest.safetensors > other
refused 65 'no kind .residuum' $MHC trace other --data unseen --out x.st
refused 73 'nowhere/x.st' $trace --out nowhere/x.st
holds 'what is refused leaves no file' \
    '[ -s v.st ] && [ ! -e x.st ]'
entry() {
    printf ",'%s':{'dtype':'%s','shape':[%s],'data_offsets':%s}" "$@"
}
scale=$(entry h_pre_scale F32 1 '[124,128]')
code=$(entry h_pre F8_E4M3 2,2 '[128,132]')
st coded.st 124 <<< "$given$epsilon$scale$code}"
cp coded.st nil.st
# 1, and four times a half
printf '\0\0\200\77\60\60\60\60' >> coded.st
printf '\0\0\0\0\60\60\60\60' >> nil.st
status=0
holds 'codes of E4M3 are judged' 'judged coded.st &&
    grep -q "^h_pre  *E4M3 " out'
holds 'bf16 may be kept in eight bits' \
    'judged paper.st --precision e4m3 &&
     judged paper.st --precision e5m2'
refused 65 'h_pre_scale: scale 0 is 0' $MHC check nil.st
st without.st 128 <<< "$given$(entry h_pre F8_E4M3 2,2 '[124,128]')}"
refused 65 'h_pre: it has no scales' $MHC check without.st
refused 64 'bf16, e4m3, e5m2$' $MHC check coded.st --precision e3m4
holds 'the help names e4m3' '$MHC check --help | grep -q "e4m3, e5m2"'
closing
