#include "support/lab_kernels.h"
#include "ground/bf16.h"
#include "support/fill.h"
#include "support/lab_gpu.h"
#include <stdio.h>

enum { ROWS = 64, OUTPUTS = 40, INPUTS = 96 };
static real x[ROWS * INPUTS], w[OUTPUTS * INPUTS],
    y[ROWS * OUTPUTS], want[ROWS * OUTPUTS];
static bf16 left[ROWS * INPUTS], right[OUTPUTS * INPUTS];

// Mistakes with fragments
enum mistake { NONE, A, B, D, HALVES, ONE_STEP, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    "two registers of a have changed places",
    "the two registers of b have changed places",
    "two registers of d have changed places",
    "two neighbours in a register of a have changed places",
    "the first sixteen inputs alone" };

static size_t with_bit_3(size_t n, size_t of)
{
    return (n & ~(size_t)8) | (of & 8);
}

static double of_x(size_t t, size_t i, size_t inputs, enum mistake m)
{
    const size_t row = m == A ? with_bit_3(t, i) : t;
    const size_t k = m == A ? with_bit_3(i, t)
                   : m == HALVES ? i ^ 1 : i;
    return m == ONE_STEP && i >= 16 ? 0 : (double)x[row * inputs + k];
}

static void multiply(size_t rows, size_t outputs, size_t inputs,
                     enum mistake m)
{
    for (size_t t = 0; t < rows; t++)
        for (size_t o = 0; o < outputs; o++) {
            const bool other = m == D && (t >> 3 & 1) != (o & 1);
            const size_t row = other ? t ^ 8 : t;
            const size_t of = other ? o ^ 1 : o;
            double sum = 0;
            for (size_t i = 0; i < inputs; i++)
                sum += of_x(row, i, inputs, m)
                       * (double)w[of * inputs + (m == B ? i ^ 8 : i)];
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
        multiply_by_warps(lab_gpu(y, rows * outputs),
                          (const unsigned *)(const void *)of_x,
                          (const unsigned *)(const void *)of_w, rows,
                          outputs, inputs));
    snprintf(what, sizeof what, "y, %zu rows, %zu outputs of %zu", rows,
             outputs, inputs);
    multiply(rows, outputs, inputs, NONE);
    lab_axes("to");
    if (lab_compare(what, y, want, shape, 2, 1e-7))
        return;
    for (int m = NONE + 1; m < MISTAKES; m++) {
        multiply(rows, outputs, inputs, (enum mistake)m);
        lab_mistake(saying[m], want);
    }
}

int main(void)
{
    lab_gpu_begin("Lab 42: a fragment");
    check(16, 8, 16, "forward");
    check(16, 8, 48, "reverse");
    for (size_t k = 0; k < 4; k++)
        check(16 * lab_size(k, 1, ROWS / 16),
              8 * lab_size(k + 10, 1, OUTPUTS / 8),
              16 * lab_size(k + 20, 2, INPUTS / 16), "random:1");
    return lab_end();
}
