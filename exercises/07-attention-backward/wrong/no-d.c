/* expect: the gradient without D */
#define ALONG 0
#include "plain.h"
