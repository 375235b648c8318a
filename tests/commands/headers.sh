# of the sources, not of the program
source tests/commands/common.bash
cd "$book" || exit 1
flags='-D_GNU_SOURCE -fopenmp -Wall -Wextra -Werror -Icode'
flags+=' -fsyntax-only'
for header in code/*/*.h; do
    holds "C11: $header" "gcc -std=c11 $flags -x c $header"
    holds "C++17: $header" "g++ -std=c++17 $flags -x c++ $header"
    echo "#include \"${header#code/}\"" >> "$work/all.cpp"
done
kernels='ground,array,layers,mix,boundary,device,model'
for header in $(eval "ls code/{$kernels}/*.h"); do
    gcc -std=c11 -D_GNU_SOURCE -Icode -fsyntax-only -x c "$header" \
        -aux-info "$work/list"
    grep -F " $header:" "$work/list" | grep -v static |
        sed -E 's/ \(.*//; s/.*[ *]//'
done | grep -E '^[a-z_0-9]+$' | sort -u > "$work/names"
{ cat "$work/all.cpp"; echo 'const void *const all[] = {'
  sed 's/.*/(const void *)\&&,/' "$work/names"; echo '};'
  echo 'const void *first() { return all[0]; }'; } > "$work/names.cpp"
holds 'many functions have prototypes' \
    '[ $(wc -l < "$work/names") -gt 80 ]'
holds 'they compile in C++' 'g++ -std=c++17 -D_GNU_SOURCE -fopenmp \
    -Icode -c "$work/names.cpp" -o "$work/names.o"'
holds 'and keep their names' '! nm -u "$work/names.o" | grep -q "U _Z" \
    && [ $(nm -u "$work/names.o" | wc -l) -gt 80 ]'
if command -v nvcc > /dev/null; then
    cp "$work/all.cpp" "$work/all.cu"
    holds 'all headers are CUDA' 'nvcc -std=c++17 -D_GNU_SOURCE -Icode \
        -c "$work/all.cu" -o "$work/all.o"'
fi
closing
