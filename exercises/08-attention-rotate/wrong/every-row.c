/* expect: a rotation of the rows before first, too */
#define FROM 0
#include "plain.h"
