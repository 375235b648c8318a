/* expect: without the causal mask */
#define LAST (length - 1)
#include "plain.h"
