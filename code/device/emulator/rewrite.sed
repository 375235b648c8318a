s/<<</ %emulator::launch(/g
s/>>>/)/g
s/extern  *__shared__  *\(__align__([0-9]*)  *\)\{0,1\}\([A-Za-z_][A-Za-z_0-9 ]*[A-Za-z_0-9]\)  *\([A-Za-z_][A-Za-z_0-9]*\)\[\];/\2 *\3 = (\2 *)emulator::dynamic_shared();/
