# of the sources, not of the program
source tests/commands/common.bash

"$book/build/emulated/device/show_gpu_bench" . tiny > out 2> err
holds 'the benchmark of a gpu ends well' '[ $? = 0 ] && [ ! -s err ]'
cat > check.awk <<'END'
BEGIN { FPAT = "([^,]*)|(\"[^\"]*\")" }
function wrong(what) { print what ": " $0; bad = 1 }
function off(a, b) { return a == "" || a < .97 * b || a > 1.03 * b }
function get(name) { return $at[name] }
/^# copy/ { copy = $0; gsub(/[^0-9.]/, "", copy) }
/^# large/ { split($0, word, " "); large = word[4] }
/^#/ { next }
!columns {
    columns = NF
    for (i = 1; i <= NF; i++)
        at[$i] = i
    next
}
{ rows++ }
NF != columns { wrong("columns") }
table == "products" {
    work = 2 * get("rows") * get("out") * get("in")
    if (rows == 1) large = get("tflops")
    if (off(get("tflops"), work / get("us") / 1e6)) wrong("rate")
    if (off(get("share"), get("tflops") / large)) wrong("share")
}
table == "steps" {
    tokens = get("context") * get("batch")
    if (rows == 1) first = get("ms")
    if (off(get("tokens_s"), tokens / get("ms") * 1e3)) wrong("tokens")
    if (off(get("over_residual"), get("ms") / first)) wrong("ratio")
    if (off(get("share"), get("tflops") / large)) wrong("share")
    if (!(get("low") > 0 && get("low") <= get("ms") &&
          get("ms") <= get("high"))) wrong("spread")
    if (get("mb") * 1e6 < 16 * get("parameters")) wrong("memory")
}
table == "operations" {
    second = get("us") / 1e6
    bytes = get("least_mb")
    work = get("gflop")
    if (second <= 0 || get("calls") < 1) wrong("time")
    if (bytes != "" && off(get("copy_share"),
                           bytes / second / 1e3 / copy)) wrong("copy")
    if (work != "" && off(get("rate_share"),
                          work / second / 1e3 / large)) wrong("rate")
    if (bytes == "" && work == "" &&
        get("operation") !~ /mean|embedding, back/) wrong("nothing")
}
END { exit bad || rows != wanted }
END
fine() {
    gawk -v table=$1 -v wanted=$2 -f check.awk gpu_$1.csv
}
for table in products steps operations; do
    holds "$table: device, date, command, who multiplied, a copy" \
        '[ "$(grep -c "^# [dcp]" gpu_$table.csv)" = 5 ]'
done
holds 'products: three forms of six shapes, rates, shares' \
    'fine products 36'
holds 'steps: three arms, their tokens, ratios, memory, shares' \
    'fine steps 3'
holds 'operations: 16 of residual, 18 of the others; shares' \
    'fine operations 52'
holds 'the operations of an arm take about as long as its step' \
    'gawk -F, "/^#|^arm/ { next }
     NR == FNR { step[\$1] = \$8; next }
     { gsub(/\"[^\"]*\"/, \"\"); sum[\$1] += \$4 * \$5 / 1e3 }
     END { for (a in step) if (!(sum[a] > step[a] / 5 &&
           sum[a] < step[a] * 5)) exit 1 }" gpu_steps.csv \
     gpu_operations.csv'
refused 64 'make gpu-bench' "$book/build/mhc-emulated" bench \
    --device gpu --precision bf16
closing
