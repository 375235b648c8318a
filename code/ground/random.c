#include "ground/random.h"
#include "ground/hash.h"
#include <assert.h>
#include <math.h>
#include <string.h>

// Philox
struct philox philox(const uint32_t counter[4], const uint32_t key[2])
{
    struct philox x = { { counter[0], counter[1],
                          counter[2], counter[3] } };
    uint32_t k0 = key[0], k1 = key[1];
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

// One block of a stream
static struct philox block_of(uint64_t seed, uint64_t stream,
                              uint64_t i)
{
    const uint32_t counter[4] = {
        (uint32_t)i, (uint32_t)(i >> 32),
        (uint32_t)stream, (uint32_t)(stream >> 32) };
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
    return philox(counter, key);
}

static double fraction(uint32_t high, uint32_t low)
{
    uint64_t bits = (uint64_t)high << 32 | low;
    return (double)(bits >> 11) * 0x1p-53;
}

// Numbers from bits
uint32_t random_bits(uint64_t seed, uint64_t stream, uint64_t i)
{
    return block_of(seed, stream, i / 4).word[i % 4];
}

double random_uniform(uint64_t seed, uint64_t stream, uint64_t i)
{
    struct philox b = block_of(seed, stream, i);
    return fraction(b.word[0], b.word[1]);
}

size_t random_below(uint64_t seed, uint64_t stream, uint64_t i,
                    size_t n)
{
    assert(n > 0 && n <= (size_t)1 << 53);
    return (size_t)(random_uniform(seed, stream, i) * (double)n);
}

double random_normal(uint64_t seed, uint64_t stream, uint64_t i)
{
    const double two_pi = 6.283185307179586;
    struct philox b = block_of(seed, stream, i);
    double u = fraction(b.word[0], b.word[1]);
    double v = fraction(b.word[2], b.word[3]);
    return sqrt(-2 * log(1 - u)) * cos(two_pi * v);
}

// Name a stream
uint64_t random_stream(const char *name)
{
    return fnv_add(FNV_EMPTY, name, strlen(name));
}
