#include "boundary/mixing.h"
#include "layers/norm.h"
#include "ground/reduction.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/lab.h"

void read_and_norm(real *input, real *inverse_rms, real *normed,
                   const real *stream, const real *coefficients,
                   const real *gain, const struct layout *l,
                   size_t tokens);

enum { T = 9, MOST = 1200, ALL = T * MIX_STREAMS * MOST, ROW = 120 };
static size_t tokens;           /* of this case */

// Read, and then norm
static real squared(struct operands o, size_t c)
{
    return o.a[c] * o.a[c];
}

static void one_then_the_other(real *input, real *rms, real *normed,
                               const real *stream, const real *row,
                               const real *gain,
                               const struct layout *l)
{
    size_t n = l->streams, C = l->width;
    for (size_t at = 0; at < tokens * C; at++) {
        const real *pre = row + at / C * layout_row(l);
        const real *x = stream + at / C * n * C + at % C;
        input[at] = pre[0] * x[0];
        for (size_t i = 1; i < n; i++)
            input[at] += pre[i] * x[i * C];
    }
    for (size_t t = 0; t < tokens; t++, input += C, normed += C) {
        struct operands o = { .a = input };
        double mean = (double)sum_in_lanes(squared, o, C) / (double)C;
        rms[t] = (real)(1 / sqrt(mean + NORM_EPSILON));
        for (size_t c = 0; c < C; c++)
            normed[c] = gain[c] * (input[c] * rms[t]);
    }
}

// Name a mistake in the bits
/* the same numbers; a zero of either sign is one */
static bool equal(const real *a, const real *b, size_t count)
{
    return compare_arrays(NULL, "", a, b, &count, 1, 0);
}

static const char *mistake(const real *input, const real *rms,
                           const real *normed, const real *want_input,
                           const real *want_rms, const real *gain,
                           size_t C)
{
    bool order = true, plain = true, bare = true;
    if (!equal(input, want_input, tokens * C))
        return "the input is not what mixing_read gives";
    for (size_t t = 0; t < tokens; t++) {
        const real *x = input + t * C;
        real sum = 0;
        double all = 0;
        for (size_t c = 0; c < C; c++) {
            order &= normed[t * C + c] == gain[c] * x[c] * want_rms[t];
            sum += x[c] * x[c];
            all += (double)x[c] * (double)x[c];
        }
        double mean = (double)sum / (double)C;
        plain &= rms[t] == (real)(1 / sqrt(mean + NORM_EPSILON));
        bare &= fabs((double)rms[t] * sqrt(all / (double)C) - 1) < 1e-6;
    }
    return order ? "gain times input first: the order of the products"
         : plain ? "squares added one after the other, not in lanes"
         : bare ? "the root of the mean square without the epsilon"
         : "other bits, but no mistake that this check knows";
}

static bool check(size_t n, size_t C, double scale)
{
    static real stream[ALL], row[T * ROW], gain[MOST];
    static real want[3][T * MOST];
    struct layout l = { .streams = n, .width = C,
        .parts = lab_size(C, 1, 4), .outputs = lab_size(C + 1, 1, 9) };
    tokens = lab_size(C + 2, 1, T);
    const size_t shape[] = { tokens, C };
    real *got[3] = { test_reals(tokens * C), test_reals(tokens * C),
                     test_reals(tokens) };
    fill_normal(stream, ALL, n, scale);
    fill_normal(row, T * ROW, C, 1);
    fill_normal(gain, MOST, 3, 1);
    lab_input("stream", stream, sizeof stream);
    lab_input("coefficients", row, sizeof row);
    lab_input("gain", gain, sizeof gain);
    lab_unset(got[0], tokens * C);
    lab_unset(got[1], tokens * C);
    lab_unset(got[2], tokens);
    lab_call(read_and_norm(got[0], got[2], got[1], stream, row, gain,
                           &l, tokens));
    one_then_the_other(want[0], want[2], want[1], stream, row, gain,
                       &l);
    lab_axes("tc");
    lab_axes("t");
    bool same = equal(got[0], want[0], tokens * C)
             && equal(got[1], want[1], tokens * C)
             && equal(got[2], want[2], tokens);
    char what[60];
    snprintf(what, sizeof what, "%zu streams, width %zu, numbers of %g",
             n, C, scale);
    if (!same) {
        lab_compare("input", got[0], want[0], shape, 2, 1e-5);
        lab_compare("inverse_rms", got[2], want[2], shape, 1, 1e-5);
        lab_compare("normed", got[1], want[1], shape, 2, 1e-5);
    }
    return lab_true(what, same, "%s", same ? ""
                    : mistake(got[0], got[2], got[1], want[0], want[2],
                              gain, C));
}

int main(void)
{
    lab_begin("Lab 27: read and norm in one pass");
    for (size_t n = 1; n <= MIX_STREAMS; n++)
        if (!check(n, 9 + 7 * n, 0.01))
            break;
    check(4, 64, 0.01);
    check(2, 5, 0.01);
    check(3, lab_size(1, 1025, MOST), 1000);
    check(1, lab_size(2, 40, MOST), 0);
    return lab_end();
}
