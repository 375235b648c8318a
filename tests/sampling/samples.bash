# samples.bash RUN: what a run writes at several temperatures.
set -e -o pipefail
for options in '--temperature 0' '--temperature 0.5' \
    '--temperature 0.8' '--temperature 1.2' \
    '--temperature 1.2 --top-k 5'; do
    echo "$options"
    echo
    build/mhc sample "$1" --prompt 'She was ' --length 280 $options
    echo
done | LC_ALL=C.UTF-8 sed -E 's/\xef\xbf\xbd/?/g; /.{73}/ {
    s/(.{1,72})( +|$)/\1\n/g; s/\n$// }; s/ +$//'
