/* expect: a rotation the other way: the sign of the sine */
#define BACK 1
#include "plain.h"
