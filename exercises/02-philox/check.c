#include "ground/random.h"
#include "support/lab.h"
#include <string.h>

// The published examples
static const struct {
    const char *what;
    uint32_t counter[4], key[2], want[4];
} known[3] = {
    { "counter and key are zeros",
      { 0, 0, 0, 0 }, { 0, 0 },
      { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
    { "counter and key are ones",
      { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u },
      { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
    { "counter and key are digits of pi",
      { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
      { 0xa4093822, 0x299f31d0 },
      { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } } };

// Philox with a mistake
enum mistake { NONE, NINE, ELEVEN, SAME_KEY, EARLY_KEY, KEYS, HALVES,
               STAY, FACTORS, SHORT, IN_PLACE, MISTAKES };
static const char *const saying[MISTAKES] = { "", "nine rounds",
    "eleven rounds", "a key that stays the same",
    "a key that changes before the first round",
    "k0 and k1 exchanged",
    "high and low halves exchanged",
    "pairs that do not change places",
    "the two factors exchanged",
    "products of 32 bits: their high halves are zero",
    "a product that is taken when x0 is already new" };

static void mistaken(uint32_t x[4], const uint32_t counter[4],
                     const uint32_t key[2], enum mistake m)
{
    const uint64_t factor[2] = { 0xd2511f53, 0xcd9e8d57 };
    uint32_t k[2] = { key[m == KEYS], key[m != KEYS] };
    int rounds = m == NINE ? 9 : m == ELEVEN ? 11 : 10;
    memcpy(x, counter, 4 * sizeof *x);
    for (int round = 0; round < rounds; round++) {
        uint32_t high[2], low[2];
        if (m == EARLY_KEY || (round > 0 && m != SAME_KEY)) {
            k[m == KEYS] += 0x9e3779b9;
            k[m != KEYS] += 0xbb67ae85;
        }
        for (size_t i = 2; i-- > 0; ) {
            uint32_t from = x[2 * i];
            if (m == IN_PLACE && i == 0)
                from = high[1] ^ x[1] ^ k[0];
            uint64_t p = factor[m == FACTORS ? 1 - i : i] * from;
            high[i] = m == SHORT ? 0
                    : (uint32_t)(m == HALVES ? p : p >> 32);
            low[i] = (uint32_t)(m == HALVES ? p >> 32 : p);
        }
        size_t first = m == STAY ? 0 : 1;
        x[0] = high[first] ^ x[1] ^ k[0];
        x[1] = low[first];
        x[2] = high[1 - first] ^ x[3] ^ k[1];
        x[3] = low[1 - first];
    }
}

// Compare with Philox
static void compare(const char *what, const uint32_t counter[4],
                    const uint32_t key[2], const uint32_t *published)
{
    struct philox x = { { 0 } };
    uint32_t want[4], other[4];
    const char *why = "", *looks = "";
    lab_input("counter", counter, 4 * sizeof *counter);
    lab_input("key", key, 2 * sizeof *key);
    lab_output(&x, sizeof x);
    lab_call(x = philox(x.word, counter + 2);
             x = philox(counter, key));
    mistaken(want, counter, key, NONE);
    if (published != NULL)
        memcpy(want, published, sizeof want);
    for (int m = NONE + 1; m < MISTAKES; m++) {
        mistaken(other, counter, key, (enum mistake)m);
        if (memcmp(x.word, other, sizeof other) == 0) {
            looks = "; this looks like ";
            why = saying[m];
        }
    }
    lab_true(what, memcmp(x.word, want, sizeof want) == 0,
             "got %08x %08x %08x %08x want %08x %08x %08x %08x%s%s",
             x.word[0], x.word[1], x.word[2], x.word[3], want[0],
             want[1], want[2], want[3], looks, why);
}

int main(void)
{
    lab_begin("Lab 02: Philox");
    for (size_t i = 0; i < 3; i++)
        compare(known[i].what, known[i].counter, known[i].key,
                known[i].want);
    for (uint32_t k = 0; k < 3; k++) {
        uint32_t any[6];
        uint64_t x = lab_seed(k);
        for (size_t i = 0; i < 6; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            any[i] = (uint32_t)(x >> 32);
        }
        compare("counter and key are any words", any, any + 4, NULL);
    }
    return lab_end();
}
