/* expect: it held NaN before */
#define CLEAR
#include "plain.h"
