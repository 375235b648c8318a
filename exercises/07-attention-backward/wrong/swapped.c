/* expect: dq and dk exchanged */
#define QUERY dqkv[q + width + c]
#define KEY dqkv[k - width + c]
#include "plain.h"
