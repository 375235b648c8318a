/* expect: zeros below 2^-6 */
#define SMALL 0
// Encode by what is defined
#include <math.h>
#include <stdint.h>
#include <string.h>
#ifndef ROUNDED
#define ROUNDED ((bits + 0x7ffff + (bits >> 20 & 1)) >> 20)
#endif
#ifndef SMALL
#define SMALL rintf(size * 0x1p9f)
#endif
#ifndef LARGE
#define LARGE 0x7e
#endif
#ifndef SIGN
#define SIGN (signbit(x) ? 0x80 : 0)
#endif

uint8_t e4m3_of(float x)
{
    uint32_t bits, code;
    float size = fabsf(x);
    memcpy(&bits, &size, sizeof bits);
    if (x != x)
        return 0x7f;
    if (size < 0x1p-6f)
        code = (uint32_t)(SMALL);
    else
        code = (ROUNDED) - (120 << 3);
    if (code > 0x7e)
        code = LARGE;
    return (uint8_t)(code | SIGN);
}
