/* expect: a rotation the other way: the sign of the sine */
#define SIGN -1
#include "plain.h"
