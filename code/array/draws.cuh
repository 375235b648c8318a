#ifndef DRAWS_CUH
#define DRAWS_CUH
#include "device/eight.cuh"
#include "ground/random.h"

/* how rows are rounded, on a gpu */
struct drawing {
    bool by_chance;
    unsigned place;
    size_t first;               /* rows before these */
    const uint32_t *now;        /* seed (2), update, tokens before */
};

static inline struct drawing drawing_of(const struct device *d,
                                        struct array a)
{
    return { a.eight != NULL && a.eight->by_chance, a.place, a.first,
             ((const struct gpu *)d->state)->now };
}

/* the bits of eight channels, one of which is c, of row t */
static __device__ inline struct philox draws(const struct drawing &how,
                                             size_t t, size_t c)
{
    struct philox x = { { (uint32_t)(c / 8),
        (uint32_t)(how.now[3] + how.first + t), how.place,
        how.now[2] } };
    uint32_t k0 = how.now[0], k1 = how.now[1];
    for (int round = 0; round < 10; round++) {
        // One round of Philox
        uint64_t p0 = (uint64_t)0xd2511f53 * x.word[0];
        uint64_t p1 = (uint64_t)0xcd9e8d57 * x.word[2];
        x = (struct philox){ {
            (uint32_t)(p1 >> 32) ^ x.word[1] ^ k0, (uint32_t)p1,
            (uint32_t)(p0 >> 32) ^ x.word[3] ^ k1, (uint32_t)p0 } };
        k0 += 0x9e3779b9;
        k1 += 0xbb67ae85;
    }
    return x;
}

/* that of channel c; a word is chosen, for an index that is not known
   beforehand would take memory */
static __device__ inline float chance(const struct philox &x, size_t c)
{
    uint32_t low = c & 2 ? x.word[1] : x.word[0];
    uint32_t high = c & 2 ? x.word[3] : x.word[2];
    uint32_t word = c & 4 ? high : low;
    uint32_t bits = c % 2 == 0 ? word & 0xffff : word >> 16;
    return ((float)bits + .5f) * 0x1p-16f;
}
#endif
