#include <math.h>
#include <stdint.h>
#include <string.h>

uint8_t e4m3_of(float x)
{
    uint32_t bits, code;
    float size = fabsf(x);
    memcpy(&bits, &size, sizeof bits);
    if (x != x)
        return 0x7f;
    if (size < 0x1p-6f)
        code = (uint32_t)rintf(size * 0x1p9f);
    else
        code = ((bits + 0x7ffff + (bits >> 20 & 1)) >> 20) - (120 << 3);
    if (code > 0x7e)
        code = 0x7e;
    return (uint8_t)(code | (signbit(x) ? 0x80 : 0));
}
