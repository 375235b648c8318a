#include "check/boundary.h"
#include "ground/memory.h"
#include "ground/random.h"
#include <math.h>
#include <string.h>

const struct settings test_settings = { .iterations = 20,
    .norm_epsilon = 1e-6, .sinkhorn_epsilon = 1e-6 };

struct boundary test_boundary(size_t tokens, size_t streams,
                              size_t width, uint64_t seed)
{
    struct boundary b = { tokens, streams, width, { NULL } };
    struct message m = { 0, "" };
    double scale[ITEMS] = { [STREAMS] = 1, [ALPHA] = .2, [BIAS] = 2,
        [ANSWER] = 1, [DNEXT] = 1, [DINPUT] = 1,
        [PHI] = 1 / sqrt((double)(streams * width)) };
    for (int i = 0; i < ITEMS; i++) {
        size_t count = check_size(&b, (enum item)i);
        b.at[i] = memory_new(count, sizeof(double), &m);
        for (size_t k = 0; k < count; k++)
            b.at[i][k] = scale[i] * random_normal(seed, (uint64_t)i, k)
                       + (i == ALPHA) * .7;
    }
    return b;
}

static double no_number(const unsigned char *bytes)
{
    (void)bytes;
    return NAN;
}

void test_store(struct check *c, const char *type)
{
    static const struct number_type types[] = { {"F64", 8, no_number},
        {"F32", 4, no_number}, {"BF16", 2, no_number},
        {"F16", 2, no_number} };
    const struct number_type *t = types;
    while (strcmp(t->name, type) != 0)
        t++;
    for (int i = 0; i < ITEMS; i++) {
        c->file.type[i] = t;
        size_t count = check_size(&c->file.hers, (enum item)i);
        for (size_t k = 0; t->bytes < 8 && k < count; k++) {
            double *x = &c->file.hers.at[i][k];
            bool half = strcmp(type, "F16") == 0;
            int digits = t->bytes == 4 ? 23 : half ? 10 : 7;
            int least = half ? -24 : -149;
            if (*x == 0)
                continue;
            int place = ilogb(*x) - digits;
            double unit = ldexp(1, place < least ? least : place);
            *x = nearbyint(*x / unit) * unit;
        }
    }
}
