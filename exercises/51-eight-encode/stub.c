#include <stdint.h>

uint8_t e4m3_of(float x)
{
    (void)x;
    return 0;
}
