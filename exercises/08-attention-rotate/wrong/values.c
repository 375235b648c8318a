/* expect: a rotation of the values too */
#define PARTS 3
#include "plain.h"
