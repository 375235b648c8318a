/* expect: a forbidden character was passed on */
#include <stdbool.h>
#include <string.h>
#include "sampling/utf8.h"

static size_t length_of(unsigned char first)
{
    return first < 0x80 ? 1 : first < 0xC0 ? 0 : first < 0xE0 ? 2
         : first < 0xF0 ? 3 : first < 0xF8 ? 4 : 0;
}

static bool may_follow(const struct utf8 *u, unsigned char byte)
{
    (void)u;
    return byte / 64 == 2;
}

// Show what is held, or that it was worthless
static size_t show(char *out, struct utf8 *u)
{
    size_t shown = u->used;
    memcpy(out, u->held, shown);
    u->used = 0;
    return shown;
}

static size_t replace(char *out, struct utf8 *u)
{
    u->used = 0;
    memcpy(out, "\xEF\xBF\xBD", 3);
    return 3;
}

// Take one byte
size_t utf8_push(char out[UTF8_ROOM], struct utf8 *u,
                 unsigned char byte)
{
    size_t shown = 0;
    if (u->used > 0 && !may_follow(u, byte))
        shown = replace(out, u);
    u->held[u->used++] = byte;
    size_t length = length_of(u->held[0]);
    if (length == 0)
        shown += replace(out + shown, u);
    else if (u->used == length)
        shown += show(out + shown, u);
    return shown;
}
