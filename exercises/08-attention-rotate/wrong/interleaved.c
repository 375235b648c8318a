/* expect: pairs of neighbours, 2i with 2i + 1 */
#define FIRST (2 * i)
#define SECOND (2 * i + 1)
#include "plain.h"
