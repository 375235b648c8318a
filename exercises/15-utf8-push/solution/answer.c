#include <stdbool.h>
#include <string.h>
#include "sampling/utf8.h"

// Tell a character's length from its first byte
static size_t length_of(unsigned char first)
{
    return first < 0x80 ? 1
         : first < 0xC2 ? 0
         : first < 0xE0 ? 2
         : first < 0xF0 ? 3
         : first < 0xF5 ? 4 : 0;
}

// Say whether a byte can follow
static bool may_follow(const struct utf8 *u, unsigned char byte)
{
    unsigned char low = 0x80, high = 0xBF;
    if (u->used == 1) {
        unsigned char first = u->held[0];
        if (first == 0xE0) low = 0xA0;
        if (first == 0xED) high = 0x9F;
        if (first == 0xF0) low = 0x90;
        if (first == 0xF4) high = 0x8F;
    }
    return byte >= low && byte <= high;
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
