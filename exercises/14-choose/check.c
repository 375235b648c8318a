#include <math.h>
#include <stdio.h>
#include "ground/random.h"
#include "sampling/choose.h"
#include "sampling/reference.h"
#include "support/fill.h"
#include "support/lab.h"

enum { BYTES = 8, TIMES = 4000 };

// Draw evenly
static size_t draw(const real *z, double temperature, size_t k,
                   double u)
{
    double scratch[BYTES];
    size_t byte = BYTES;
    lab_input("logits", z, BYTES * sizeof *z);
    lab_output(&byte, sizeof byte);
    lab_call(byte = choose(z, BYTES, temperature, k, u, scratch));
    return byte;
}

/* f [BYTES]: how often each byte comes; last, what is none */
static void frequencies(real f[BYTES + 1], const real *z,
                        double temperature, size_t k)
{
    static size_t drawn[TIMES];
    double count[BYTES + 1] = { 0 }, scratch[BYTES];
    lab_input("logits", z, BYTES * sizeof *z);
    lab_output(drawn, sizeof drawn);
    lab_call(
        for (int i = 0; i < TIMES; i++)
            drawn[i] = choose(z, BYTES, temperature, k,
                              (i + 0.5) / TIMES, scratch));
    for (int i = 0; i < TIMES; i++)
        count[drawn[i] < BYTES ? drawn[i] : BYTES]++;
    for (size_t j = 0; j <= BYTES; j++)
        f[j] = (real)(count[j] / TIMES);
}

// Compare the frequencies for one temperature and top-k
static void compare(const char *what, const real *z, double temperature,
                    size_t k)
{
    static const char *const saying[] = { "",
        "the logits multiplied by the temperature",
        "temperature 1, whatever is asked for",
        "top-k left out",
        "more than top-k bytes: of equal ones, all stay" };
    static const size_t shape = BYTES + 1;
    static real got[BYTES + 1];
    real want[BYTES + 1] = { 0 };
    double p[BYTES];
    bool good = true;
    char name[80];
    snprintf(name, sizeof name, "frequency, %s", what);
    frequencies(got, z, temperature, k);
    for (enum mistake mistake = NONE; !mistake
         || (!good && mistake <= TIES); mistake++) {
        reference_probabilities(p, z, BYTES, temperature, k, mistake);
        for (size_t j = 0; j < BYTES; j++)
            want[j] = (real)p[j];
        if (mistake == NONE)
            good = lab_compare(name, got, want, &shape, 1, 0.003);
        else
            lab_mistake(saying[mistake], want);
    }
}

// Try the special cases
static void try_zero(void)
{
    static const real z[BYTES] = { 0, 1, 5, 2, 5, -9, 4, 5 };
    size_t first = draw(z, 0, 0, 0), last = draw(z, 0, 3, 0.9);
    lab_true("temperature 0", first == 2 && last == 2, "the logits 0 1 "
             "5 2 5 -9 4 5 gave byte %zu for u = 0 and byte %zu for "
             "u = 0.9; wanted: 2, the first of the largest", first,
             last);
}

static void try_large(void)
{
    static const real z[2][BYTES] = {
        { 9990, 10000, 0, 9000, 10000, 0, 0, 0 },
        { -10000, -10001, -10000, -11000, -12000, -11000, -11000,
          -11000 } };
    size_t high = draw(z[0], 1, 0, 0.75), low = draw(z[1], 1, 0, 0.9);
    lab_true("logits near 10000", high == 4, "got byte %zu, wanted 4: "
             "does exp overflow?", high);
    lab_true("logits near -10000", low == 2, "got byte %zu, wanted 2: "
             "are all exponentials 0?", low);
}

/* weights of 1 have exact sums, whatever they are divided by */
static void try_equal(void)
{
    static const real z[BYTES] = { 0, 0, 0, 0, -9999, 0, 0, 0 };
    static const real far[BYTES] = { 9999, 10000, 9999, 0, 0, 0, 0, 0 };
    size_t half = draw(z, 1, 4, 0.5), last = draw(z, 1, 4, 0.75);
    size_t largest = draw(far, 1e-305, 0, 0.5);
    lab_true("a sum that is u does not exceed it",
             half == 2 && last == 3, "of four equal bytes u = 0.5 "
             "drew %zu and u = 0.75 drew %zu; wanted 2 and 3", half,
             last);
    lab_true("a very small temperature", largest == 1, "got byte %zu, "
             "wanted 1, the largest: is the quotient infinite?",
             largest);
}

static void try_left_out(void)
{
    static const real z[BYTES] = { 0, 0, 3, 1, 3, 3, 0, 0 };
    size_t low = draw(z, 1, 3, 0), high = draw(z, 1, 3, 1 - 0x1p-53);
    lab_true("the smallest u", low == 2, "u = 0 drew byte %zu, which "
             "top-k has left out; wanted 2", low);
    lab_true("the largest u", high == 5, "u just below 1 drew byte "
             "%zu; wanted 5, the last one that stays", high);
    // Draw with the largest u from many logits
    enum { MANY = 200, STAY = 5 };
    static real many[MANY][BYTES];
    static size_t byte[MANY];
    size_t out = 0;
    double scratch[BYTES];
    fill_normal(many[0], MANY * BYTES, 3, 1);
    lab_output(byte, sizeof byte);
    lab_call(
        for (size_t i = 0; i < MANY; i++)
            byte[i] = choose(many[i], BYTES, 1, STAY, 1 - 0x1p-53,
                             scratch));
    for (size_t i = 0; i < MANY; i++) {
        size_t larger = 0;
        for (size_t j = 0; j < BYTES; j++)
            larger += many[i][j] > many[i][byte[i] % BYTES];
        out += byte[i] >= BYTES || larger >= STAY;
    }
    lab_true("the largest u, random logits", out == 0, "%zu of 200 "
             "times it drew a byte that top-k has left out: the sum of "
             "the probabilities may be rounded below u", out);
}

// Draw with numbers of all sizes
enum { TRIALS = 200, DRAWS = 50, MANY = 300 };
static struct any {
    real z[MANY];
    size_t count, k;
    double temperature, u[DRAWS];
} any[TRIALS];

static double uniform(size_t i, uint64_t k)
{
    return random_uniform(lab_seed(14), i, k);
}

static void invent(struct any *a, size_t i)
{
    double spread = pow(10, 1 - (i % 4 > 0 ? 4 : 30) * uniform(i, 1));
    double shift = uniform(i, 2) < 0.5
                 ? 0 : 18000 * uniform(i, 3) - 9000;
    a->count = lab_size(i, 1, i % 2 > 0 ? 8 : MANY);
    a->k = uniform(i, 4) < 0.3
         ? 0 : 1 + (size_t)(1.2 * uniform(i, 5) * (double)a->count);
    a->temperature = uniform(i, 6) < 0.1
                   ? 0 : spread * pow(10, 2 * uniform(i, 7) - 1);
    fill_normal(a->z, a->count, i, 1);
    for (size_t j = 0; j < a->count; j++) {
        double z = (double)a->z[j];
        z = uniform(i, 8) < 0.5 ? rint(2 * z) : z;
        a->z[j] = (real)(spread * z + shift);
    }
    for (size_t d = 0; d < DRAWS; d++)
        a->u[d] = d == 0 ? 0 : d == 1 ? 1 - 0x1p-53 : uniform(i, 9 + d);
}

/* the byte that is wanted; in *right whether the one drawn is right */
static size_t walk(const struct any *a, size_t d, size_t byte,
                   bool *right)
{
    double p[MANY], equal[MANY], sum = 0, t = a->temperature;
    size_t want = a->count;
    reference_probabilities(p, a->z, a->count, t > 0 ? t : 1,
                            t > 0 ? a->k : 1, NONE);
    reference_probabilities(equal, a->z, a->count, 1e9,
                            t > 0 ? a->k : 1, NONE);
    *right = false;
    for (size_t j = 0; j < a->count; j++) {
        if (j == byte)
            *right = equal[j] > 0 && a->u[d] > sum - 1e-5
                  && a->u[d] < sum + p[j] + 1e-5;
        sum += p[j];
        if (want == a->count && sum > a->u[d])
            want = j;
    }
    return want;
}

static void try_all_sizes(void)
{
    static size_t byte[TRIALS * DRAWS];
    for (size_t i = 0; i < TRIALS; i++)
        invent(&any[i], i);
    lab_input("logits", any, sizeof any);
    lab_output(byte, sizeof byte);
    lab_call(
        for (size_t i = 0; i < TRIALS * DRAWS; i++) {
            const struct any *a = &any[i / DRAWS];
            double scratch[a->count];
            byte[i] = choose(a->z, a->count, a->temperature, a->k,
                             a->u[i % DRAWS], scratch);
        });
    const char *what = "numbers of all sizes";
    for (size_t i = 0; i < TRIALS * DRAWS; i++) {
        struct any *a = &any[i / DRAWS];
        bool right;
        size_t want = walk(a, i % DRAWS, byte[i], &right);
        if (!right) {
            lab_true(what, false, "of %zu bytes, with temperature %g, "
                     "top-k %zu and u = %g, it drew %zu; wanted %zu",
                     a->count, a->temperature, a->k, a->u[i % DRAWS],
                     byte[i], want);
            return;
        }
    }
    lab_true(what, true, "all are right");
}

int main(void)
{
    static const real z[BYTES] = { 1, 2, (real)-0.5, 2, 3, 0, 2, -1 };
    static real any[BYTES];
    lab_begin("Draw a byte");
    lab_axes("j");
    try_zero();
    compare("temperature 1", z, 1, 0);
    compare("temperature 2", z, 2, 0);
    compare("temperature 0.5", z, 0.5, 0);
    compare("top-k 1", z, 1, 1);
    compare("top-k 4, no ties", z, 1, 4);
    compare("top-k 3, with ties", z, 0.7, 3);
    compare("top-k larger than the number of bytes", z, 1, 20);
    fill_normal(any, BYTES, 1, 2);
    compare("random logits", any, 0.8, 0);
    compare("random logits, top-k 5", any, 1.5, 5);
    try_large();
    try_equal();
    try_left_out();
    try_all_sizes();
    return lab_end();
}
