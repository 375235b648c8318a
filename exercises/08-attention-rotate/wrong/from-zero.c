/* expect: positions counted from 0, not from first */
#define ANGLE (p - s->first)
#include "plain.h"
