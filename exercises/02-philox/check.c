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

// What known mistakes give for the third example
static const struct {
    uint32_t word[4];
    const char *saying;
} mistakes[] = {
    { { 0x3eb49fbb, 0x7f0bd1e6, 0xc4392c8d, 0xa3c1b987 },
      "; this looks like nine rounds" },
    { { 0x068d24b3, 0xa70a26e0, 0xf3b3a8dc, 0xdbf273eb },
      "; this looks like eleven rounds" },
    { { 0x55e0edac, 0xb947a5fa, 0x50e9e28b, 0xf5caeffa },
      "; this looks like a key that stays the same" },
    { { 0x8ddb7433, 0x6c9b1d6f, 0x13a6cf22, 0x53531540 },
      "; this looks like high and low halves exchanged" },
    { { 0xa0e0a37f, 0x02431ba2, 0x46b0a88f, 0x4951d945 },
      "; this looks like pairs that do not change places" } };

int main(void)
{
    lab_begin("Lab 02: Philox");
    for (size_t i = 0; i < 3; i++) {
        struct philox x = philox(known[i].counter, known[i].key);
        const char *why = "";
        // See whether this is a known mistake
        for (size_t k = 0; k < sizeof mistakes / sizeof mistakes[0]; k++)
            if (memcmp(x.word, mistakes[k].word, sizeof x.word) == 0)
                why = mistakes[k].saying;
        lab_true(known[i].what,
                 memcmp(x.word, known[i].want, sizeof x.word) == 0,
                 "got %08x %08x %08x %08x want %08x %08x %08x %08x%s",
                 x.word[0], x.word[1], x.word[2], x.word[3],
                 known[i].want[0], known[i].want[1], known[i].want[2],
                 known[i].want[3], why);
    }
    return lab_end();
}
