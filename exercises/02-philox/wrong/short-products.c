/* expect: products of 32 bits: their high halves are zero */
#include "ground/random.h"

struct philox philox(const uint32_t counter[4], const uint32_t key[2])
{
    struct philox x;
    for (size_t i = 0; i < 4; i++)
        x.word[i] = counter[i];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = 0xd2511f53 * x.word[0];
        uint64_t p1 = 0xcd9e8d57 * x.word[2];
        x = (struct philox){ {
            (uint32_t)(p1 >> 32) ^ x.word[1] ^ k0, (uint32_t)p1,
            (uint32_t)(p0 >> 32) ^ x.word[3] ^ k1, (uint32_t)p0 } };
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    return x;
}
