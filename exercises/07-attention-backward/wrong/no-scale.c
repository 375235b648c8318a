/* expect: without the factor 1/sqrt(head_size) */
#define SCALE 1
#include "plain.h"
