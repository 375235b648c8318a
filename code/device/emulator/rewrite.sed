s/<<</ %emulator::launch(/g
s/>>>/)/g
/extern  *__shared__/ {
    s/extern  *__shared__  *//
    s/__align__([0-9]*)  *//
    s/\(.*[^ ]\)  *\(\w*\)\[\];/\1 *\2 = (\1 *)emulator::dynamic();/
}
