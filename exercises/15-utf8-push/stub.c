#include <string.h>
#include "sampling/utf8.h"

size_t utf8_push(char out[UTF8_ROOM], struct utf8 *u,
                 unsigned char byte)
{
    (void)out, (void)u, (void)byte;
    return 0;
}
