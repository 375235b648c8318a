#include "support/lab_kernels.h"
#include "ground/random.h"
#include "support/fill.h"
#include "support/lab_banks.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { MOST = 100, LANES = 32 };
static real x[MOST * MOST], out[MOST * MOST], want[MOST * MOST];

// Check a prediction
enum rule { RIGHT, NO_BROADCAST, PAIRS };

static unsigned counted(const unsigned *word, unsigned lanes,
                        enum rule rule)
{
    unsigned most = 0, all = 0, in_bank[LANES] = { 0 };
    for (unsigned l = 0; l < lanes; l++) {
        bool again = false;
        for (unsigned k = 0; k < l; k++)
            again = again || word[k] == word[l];
        if (again && rule != NO_BROADCAST)
            continue;
        unsigned n = ++in_bank[word[l] % LANES];
        most = n > most ? n : most;
        all += n > 1;
    }
    return rule == PAIRS ? all : most - 1;
}

enum { CASES = 64 };
static unsigned words[CASES][LANES], lanes[CASES], said[CASES];

static void ask(const char *what)
{
    lab_input("word", words, sizeof words);
    lab_output(said, sizeof said);
    lab_gpu_call("forward",
        for (size_t i = 0; i < CASES; i++)
            said[i] = bank_conflicts(words[i], lanes[i]));
    size_t i = 0;
    bool broadcast = true, pairs = true;
    while (i < CASES && said[i] == counted(words[i], lanes[i], RIGHT))
        i++;
    for (size_t k = 0; k < CASES; k++) {
        broadcast = broadcast && said[k] == counted(words[k], lanes[k],
                                                    NO_BROADCAST);
        pairs = pairs && said[k] == counted(words[k], lanes[k], PAIRS);
    }
    size_t at = i < CASES ? i : 0;
    lab_true(what, i == CASES, "words %u, %u, %u ... of %u lanes: %u, "
             "not %u%s", words[at][0], words[at][1], words[at][2],
             lanes[at], said[at],
             counted(words[at], lanes[at], RIGHT),
             broadcast ? "; lanes that want the same word wait for "
                         "each other"
             : pairs ? "; the turns of all banks are added up, but "
                       "banks work at the same time" : "");
}

static void check_strides(void)
{
    for (unsigned i = 0; i < CASES; i++) {
        lanes[i] = i < 40 ? LANES : 1 + i % LANES;
        for (unsigned l = 0; l < LANES; l++)
            words[i][l] = 7 + l * (i + 1);
    }
    ask("conflicts of words at equal distances");
}

static void check_patterns(void)
{
    for (unsigned i = 0; i < CASES; i++) {
        lanes[i] = (unsigned)lab_size(i, 3, LANES);
        for (unsigned l = 0; l < LANES; l++)
            words[i][l] = (unsigned)random_below(lab_seed(i), 0, l,
                                                 20 + 10 * i);
    }
    ask("conflicts of words by chance, some of them the same");
}

// Check a transposition
static void check(size_t rows, size_t columns, const char *order)
{
    static size_t cases;
    const size_t all = rows * columns, shape[] = { columns, rows };
    struct lab_banks seen = { 0 };
    char what[80];
    fill_normal(x, all, ++cases, 1);
    lab_input("x", x, all * sizeof *x);
    lab_unset(out, all);
    lab_output(&seen, sizeof seen);
    lab_gpu_call(order,
        float *gpu_x = lab_gpu(x, all), *gpu_out = lab_gpu(out, all);
        lab_banks_begin();
        transpose(gpu_out, gpu_x, rows, columns);
        seen = lab_banks());
    for (size_t i = 0; i < all; i++)
        want[i % columns * rows + i / columns] = x[i];
    snprintf(what, sizeof what, "out, %zu rows of %zu", rows, columns);
    lab_axes("cr");
    lab_compare(what, out, want, shape, 2, 1e-7);
    if (rows < LANES || columns < LANES)
        return;
    lab_true("a warp reads and writes side by side",
             seen.most_sectors <= 5, "one access of a warp touches %zu "
             "sectors of 32 bytes", seen.most_sectors);
    lab_true("the tile is in shared memory, by single floats",
             seen.shared > 0 && seen.wide == 0,
             seen.shared == 0 ? "shared memory is not accessed"
             : "some accesses are not of four bytes");
    lab_true("no bank conflicts", seen.conflicts == 0, "%zu accesses "
             "of warps to shared memory have %zu conflicts; the worst "
             "has %zu", seen.shared, seen.conflicts,
             seen.most_conflicts);
}

int main(void)
{
    lab_gpu_begin("Lab 38: bank conflicts");
    check_strides();
    check_patterns();
    check(32, 32, "forward");
    check(64, 96, "reverse");
    check(1, 1, "forward");
    check(33, 31, "random:1");
    for (size_t k = 0; k < 4; k++) {
        char order[30];
        snprintf(order, sizeof order, "random:%zu", k);
        check(lab_size(k, 1, MOST), lab_size(k + 10, 1, MOST), order);
    }
    return lab_end();
}
