#include "support/lab_kernels.h"
#include "ground/bf16.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { SIDE = 64, MOST = 128, PLACES = 4 * SIDE };
static real x[MOST * MOST], w[MOST * MOST], y[MOST * MOST],
    want[MOST * MOST];
static bf16 left[MOST * MOST], right[MOST * MOST];
static unsigned place[PLACES];

// Check where chunks stand
/* that eight lanes take, a chunk each */
static unsigned turns(const unsigned chunk[8])
{
    unsigned most = 0, of[8] = { 0 };
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = ++of[place[chunk[i]] % 8];
        most = n > most ? n : most;
    }
    return most;
}

static void check_places(void)
{
    unsigned chunk[8], taken[PLACES] = { 0 }, most[2] = { 0, 0 };
    bool inside = true, once = true;
    lab_output(place, sizeof place);
    lab_gpu_call("forward",
        for (unsigned n = 0; n < PLACES; n++)
            place[n] = chunk_place(n / 4, n % 4));
    for (unsigned n = 0; n < PLACES; n++) {
        inside = inside && place[n] < PLACES;
        once = once && ++taken[place[n] % PLACES] == 1;
    }
    lab_true("all chunks are in the tile", inside, "a place is 0 to "
             "255; the tile has no room beyond");
    lab_true("each chunk has a place of its own", once, "two chunks "
             "are in one place");
    for (unsigned n = 0; n < PLACES; n += 8)
        for (unsigned reading = 0; reading < 2; reading++) {
            for (unsigned i = 0; i < 8; i++)
                chunk[i] = reading ? n / 32 * 32 + 4 * i + n / 8 % 4
                                   : n + i;
            const unsigned t = turns(chunk);
            most[reading] = t > most[reading] ? t : most[reading];
        }
    lab_true("eight lanes write in one turn", most[0] == 1,
             "chunks %s take %u turns", "n to n + 7", most[0]);
    lab_true("ldmatrix reads eight rows in one turn", most[1] == 1,
             "eight rows at one chunk take %u turns", most[1]);
}

// Multiply as the tiles are read
/* element i of a row, if chunks are written by chunk_place and read as
   they are numbered */
static double as_read(const real *matrix, size_t row, size_t i,
                      size_t inputs)
{
    const size_t at = row % SIDE * 4 + i % 32 / 8;
    for (size_t n = 0; n < PLACES; n++)
        if (place[n] == at)
            return (double)matrix[(row / SIDE * SIDE + n / 4) * inputs
                                  + i / 32 * 32 + n % 4 * 8 + i % 8];
    return 0;
}

static void multiply(size_t rows, size_t outputs, size_t inputs,
                     bool right_one)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t o = 0; o < outputs; o++) {
            double sum = 0;
            for (size_t i = 0; i < inputs; i++)
                sum += right_one
                    ? (double)x[t * inputs + i]
                      * (double)w[o * inputs + i]
                    : as_read(x, t, i, inputs)
                      * as_read(w, o, i, inputs);
            want[t * outputs + o] = (real)sum;
        }
}

static void check(size_t rows, size_t outputs, size_t inputs,
                  const char *order)
{
    static size_t cases;
    const size_t shape[] = { rows, outputs };
    char what[80];
    fill_integers(x, rows * inputs, ++cases, 9);
    fill_integers(w, outputs * inputs, ++cases, 9);
    bf16_store(left, x, rows * inputs);
    bf16_store(right, w, outputs * inputs);
    lab_input("x", left, rows * inputs * sizeof *left);
    lab_input("w", right, outputs * inputs * sizeof *right);
    lab_unset(y, rows * outputs);
    lab_gpu_call(order,
        float *of_x = lab_gpu((const void *)left, rows * inputs / 2);
        float *of_w = lab_gpu((const void *)right,
                              outputs * inputs / 2);
        multiply_by_tiles(lab_gpu(y, rows * outputs),
                          (const unsigned *)(const void *)of_x,
                          (const unsigned *)(const void *)of_w, rows,
                          outputs, inputs));
    snprintf(what, sizeof what, "y, %zu rows, %zu outputs of %zu", rows,
             outputs, inputs);
    multiply(rows, outputs, inputs, true);
    lab_axes("to");
    if (lab_compare(what, y, want, shape, 2, 1e-7))
        return;
    multiply(rows, outputs, inputs, false);
    lab_mistake("chunk_place says where a chunk is written, but not "
                "where it is read", want);
}

int main(void)
{
    lab_gpu_begin("Lab 43: a swizzle");
    check_places();
    check(64, 64, 32, "forward");
    check(128, 64, 96, "reverse");
    check(64, 128, 64, "random:1");
    return lab_end();
}
