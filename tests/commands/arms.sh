source tests/commands/common.bash
arms() {
    $MHC bench --rounds 2 --layers 1 --width 32 --heads 2 \
        --context 32 --batch 1 "$@"
}
arms --arms residual,mhc,mhc-ops > out 2> err
holds 'an arm is a line with its memory' "[ $? = 0 ] && \
    [ $(grep -cE '^(residual|mhc|mhc-ops) .* [0-9.]+$' out) = 3 ]"
holds 'the first is one times itself' \
    'grep -q "^residual .* 1.000 (1.000 to 1.000)" out'
holds 'four streams, which the residual network does not enter' \
    'grep -q " 4 streams, " out &&
     grep -qE "^entry +- +[0-9]+ +[0-9]+$" out'
holds 'all arms have boundaries' \
    'grep -qE "^boundaries +[0-9]+ +[0-9]+ +[0-9]+$" out'
refused 64 "no kind 'nix'" arms --arms mhc,nix
refused 64 "no kind ''" arms --arms mhc,,hc
refused 64 'too long' arms --arms a-name-that-is-much-too-long
refused 64 'more than 12' arms --arms "hc$(printf ',hc%.0s' {1..12})"
refused 64 'takes 8 at most' arms --arms residual,hc --streams 9
closing
