/* expect: it was added to what stood there; it is to be overwritten */
#define CLEAR
#include "plain.h"
