/* expect: a product that is taken when x0 is already new */
#include "ground/random.h"

struct philox philox(const uint32_t counter[4], const uint32_t key[2])
{
    uint32_t x0 = counter[0], x1 = counter[1];
    uint32_t x2 = counter[2], x3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p1 = (uint64_t)0xcd9e8d57 * x2;
        x0 = (uint32_t)(p1 >> 32) ^ x1 ^ k0;
        x1 = (uint32_t)p1;
        uint64_t p0 = (uint64_t)0xd2511f53 * x0;
        x2 = (uint32_t)(p0 >> 32) ^ x3 ^ k1;
        x3 = (uint32_t)p0;
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    return (struct philox){ { x0, x1, x2, x3 } };
}
