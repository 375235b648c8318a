#ifndef RANDOM_H
#define RANDOM_H
#include <stddef.h>
#include <stdint.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* Philox4x32-10 of Salmon et al. 2011: number i of a stream depends on
   (seed, stream, i) alone; there is no state. Use one stream for one
   kind of number: the kinds share their bits. */
struct philox { uint32_t word[4]; };
struct philox philox(const uint32_t counter[4], const uint32_t key[2]);

uint32_t random_bits(uint64_t seed, uint64_t stream, uint64_t i);
/* in [0,1), a multiple of 2^-53 */
double random_uniform(uint64_t seed, uint64_t stream, uint64_t i);
/* mean 0, standard deviation 1 */
double random_normal(uint64_t seed, uint64_t stream, uint64_t i);
/* 0 .. n-1, for 0 < n <= 2^53; each probability 1/n within 2^-52 */
size_t random_below(uint64_t seed, uint64_t stream, uint64_t i,
                    size_t n);
/* the stream that belongs to a name: FNV-1a, 64 bits */
uint64_t random_stream(const char *name);
LANGUAGE_C_END
#endif
