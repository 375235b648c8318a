#include "ground/random.h"

struct philox philox(const uint32_t counter[4], const uint32_t key[2])
{
    struct philox x = { { 0 } };
    (void)counter;
    (void)key;
    return x;
}
