#ifndef SAMPLING_REFERENCE_H
#define SAMPLING_REFERENCE_H
#include "ground/real.h"

// The probabilities, and mistakes with them
enum mistake { NONE, MULTIPLIED, NO_TEMPERATURE, NO_TOP_K, TIES };

static inline void reference_probabilities(
    double *p, const real *logits, size_t count, double temperature,
    size_t top_k, enum mistake mistake)
{
    bool stays[count];
    double tau = mistake == NO_TEMPERATURE ? 1 : temperature;
    double factor = mistake == MULTIPLIED ? tau : 1 / tau;
    bool all = top_k == 0 || mistake == NO_TOP_K;
    long double total = 0;
    // Pick what stays, the largest first
    real least = 0;
    for (size_t j = 0; j < count; j++)
        stays[j] = all;
    for (size_t k = 0; !all && k < top_k && k < count; k++) {
        size_t best = count;
        for (size_t j = 0; j < count; j++)
            if (!stays[j] && (best == count || logits[j] > logits[best]))
                best = j;
        stays[best] = true;
        least = logits[best];
    }
    for (size_t j = 0; !all && mistake == TIES && j < count; j++)
        stays[j] = logits[j] >= least;
    real top = logits[0];
    for (size_t j = 1; j < count; j++)
        top = logits[j] > top ? logits[j] : top;
    for (size_t j = 0; j < count; j++) {
        long double below = (long double)logits[j] - top;
        p[j] = stays[j] ? (double)expl(below * factor) : 0;
        total += p[j];
    }
    for (size_t j = 0; j < count; j++)
        p[j] = (double)(p[j] / total);
}

// UTF-8, by trying all characters
enum { BEGINS = 1, WHOLE = 2, LAST_CHARACTER = 0x10FFFF };

static inline size_t utf8_write(unsigned char out[4], unsigned c)
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        out[i] = (unsigned char)(0x80 + c % 64);
    static const unsigned mark[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    out[0] = (unsigned char)(mark[n] + c);
    return n;
}

static inline bool surrogate(unsigned c)
{
    return c >= 0xD800 && c <= 0xDFFF;
}

// Note all characters and their beginnings
static unsigned char utf8_known[1 << 24];

static inline void utf8_learn(void)
{
    for (unsigned c = 0; c <= LAST_CHARACTER; c++) {
        unsigned char s[4];
        size_t n = surrogate(c) ? 0 : utf8_write(s, c), bytes = 0;
        for (size_t i = 0; i < n && i < 3; i++) {
            bytes = bytes * 256 + s[i];
            utf8_known[bytes] = i + 1 == n ? WHOLE : BEGINS;
        }
    }
}

// Cut bytes into characters and rubbish
static inline size_t utf8_reference(char *out, const unsigned char *in,
                                    size_t count, bool ended)
{
    size_t used = 0, length;
    for (size_t i = 0; i < count; i += length) {
        size_t bytes = 0;
        int known = BEGINS;
        for (length = 0; known == BEGINS && i + length < count; ) {
            unsigned char next = in[i + length];
            bytes = bytes * 256 + next;
            int now = length < 3 ? utf8_known[bytes]
                    : next / 64 == 2 ? WHOLE : 0;
            if (now == 0)
                break;
            known = now;
            length++;
        }
        if (known == BEGINS && i + length == count && !ended)
            break;
        length += length == 0;
        // Write the stretch, or U+FFFD
        bool good = known == WHOLE;
        memcpy(out + used, good ? (const void *)(in + i) : "\xEF\xBF\xBD",
               good ? length : 3);
        used += good ? length : 3;
    }
    return used;
}
#endif
