#include "boundary/mixing.cuh"
#include "boundary/mixing.h"
#include "support/pair.h"
#include "support/suite.h"
#pragma weak gpu_expand
#pragma weak gpu_collapse
#pragma weak gpu_collapse_backward
#pragma weak gpu_read
#pragma weak gpu_read_backward
#pragma weak gpu_write
#pragma weak gpu_write_backward
#pragma weak gpu_coefficients

static float *at(struct pair p)
{
    return (float *)p.gpu.at;
}

// Tests of mixing on the gpu
static const struct { size_t tokens, width; } sizes[] = {
    { 1, 8 }, { 5, 1 }, { 6, 48 }, { 33, 64 }, { 4, 100 }, { 3, 129 },
};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* fails if the matrix is transposed on the way there or back, a
   channel or a token at the end is left out, or a sum over channels
   takes half the lanes */
START_TEST(gpu_reading_and_writing_are_exact)
{
    size_t n = (size_t)_i;
    for (size_t i = 0; i < SIZES; i++) {
        size_t T = sizes[i].tokens, C = sizes[i].width;
        struct layout l = layout_of(MIX_STATIC, n, C, 1);
        size_t K = layout_row(&l);
        struct pair x = pair_integers(STREAM, T, n * C, 1, 5);
        struct pair y = pair_integers(ACTIVATION, T, C, 2, 5);
        struct pair row = pair_integers(EXACT, T, K, 3, 5);
        struct pair dnext = pair_integers(STREAM, T, n * C, 4, 5);
        struct pair dread = pair_integers(GRADIENT, T, C, 5, 5);
        struct pair next = pair_unset(STREAM, T, n * C);
        struct pair input = pair_unset(ACTIVATION, T, C);
        struct pair dx = pair_unset(STREAM, T, n * C);
        struct pair dy = pair_unset(GRADIENT, T, C);
        struct pair drow = pair_unset(EXACT, T, K);
        // Read, write and go back on both
        mixing_read(reals(input.cpu), reals(x.cpu), reals(row.cpu), &l, T);
        mixing_write(reals(next.cpu), reals(x.cpu), reals(y.cpu),
                     reals(row.cpu), &l, T);
        mixing_write_backward(reals(dx.cpu), reals(dy.cpu), reals(drow.cpu),
                              reals(dnext.cpu), reals(x.cpu), reals(y.cpu),
                              reals(row.cpu), &l, T);
        mixing_read_backward(reals(dx.cpu), reals(drow.cpu), reals(dread.cpu),
                             reals(x.cpu), reals(row.cpu), &l, T);
        gpu_read(&gpu, at(input), at(x), at(row), &l, T);
        gpu_write(&gpu, at(next), at(x), at(y), at(row), &l, T);
        gpu_write_backward(&gpu, at(dx), at(dy), at(drow), at(dnext), at(x),
                           at(y), at(row), &l, T);
        gpu_read_backward(&gpu, at(dx), at(drow), at(dread), at(x), at(row), &l,
                          T);
        pair_close("next", next, 0);
        pair_close("input", input, 0);
        pair_close("dstream", dx, 0);
        pair_close("danswer", dy, 0);
        pair_close("dcoefficients", drow, 0);
    }
}
END_TEST

/* fails if the streams are added in another order than in pairs, or
   the way back overwrites */
START_TEST(gpu_vectors_enter_and_leave)
{
    size_t n = (size_t)_i;
    for (size_t i = 0; i < SIZES; i++) {
        size_t T = sizes[i].tokens, C = sizes[i].width;
        struct layout l = { .streams = n, .width = C };
        struct pair x = pair_normal(STREAM, T, n * C, 1, 1);
        struct pair v = pair_integers(ACTIVATION, T, C, 2, 5);
        struct pair more = pair_integers(STREAM, T, n * C, 3, 5);
        struct pair out = pair_unset(ACTIVATION, T, C);
        struct pair all = pair_unset(STREAM, T, n * C);
        mixing_collapse(reals(out.cpu), reals(x.cpu), (real)0.3, &l, T);
        mixing_expand(reals(all.cpu), reals(v.cpu), &l, T);
        mixing_collapse_backward(reals(more.cpu), reals(v.cpu), 2, &l,
                                 T);
        gpu_collapse(&gpu, at(out), at(x), 0.3f, &l, T);
        gpu_expand(&gpu, at(all), at(v), &l, T);
        gpu_collapse_backward(&gpu, at(more), at(v), 2, &l, T);
        pair_same("vector", out);
        pair_same("stream", all);
        pair_same("dstream", more);
    }
}
END_TEST

/* fails if a chunk of channels or a row of phi is left out, or
   streams that are normalised apart are taken for each other */
START_TEST(gpu_projections_of_integers_are_exact)
{
    size_t n = (size_t)_i;
    static const enum mix mixes[] = { MIX_SINKHORN, MIX_TANH_THREE };
    for (size_t i = 0; i < SIZES; i++)
        for (size_t k = 0; k < 2; k++) {
            size_t T = sizes[i].tokens, C = sizes[i].width;
            struct layout l = layout_of(mixes[k], n, C, 1);
            size_t K = layout_row(&l), raw = layout_raw(&l);
            struct pair x = pair_integers(STREAM, T, n * C, 1, 5);
            struct pair phi = pair_integers(MASTER, l.outputs,
                                            layout_inputs(&l), 2, 5);
            struct pair alpha = pair_normal(MASTER, 1, 3, 3, 0.01);
            struct pair bias = pair_normal(MASTER, 1, MIX_OUTPUTS, 4,
                                           1);
            struct pair row = pair_unset(EXACT, T, K);
            mixing_coefficients(reals(row.cpu), reals(x.cpu),
                                reals(phi.cpu), reals(alpha.cpu),
                                reals(bias.cpu), &l, T);
            gpu_coefficients(&gpu, at(row), at(x), at(phi), at(alpha),
                             at(bias), &l, T);
            const real *got = pair_reals(row), *right = reals(row.cpu);
            for (size_t t = 0; t < T; t++) {
                size_t first = t * K;
                assert_same(got + first + raw, right + first + raw,
                            l.parts * l.outputs);
                assert_close(got + first, right + first, raw, 1e-5);
                assert_close(got + first + layout_rms(&l),
                             right + first + layout_rms(&l), l.parts,
                             1e-6);
            }
        }
}
END_TEST

Suite *gpu_mixing_suite(void);
Suite *gpu_mixing_suite(void)
{
    Suite *s = suite_create("gpu_mixing");
    TCase *c = tcase_create("gpu_mixing");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_reading_and_writing_are_exact, 1, 9);
    tcase_add_loop_test(c, gpu_vectors_enter_and_leave, 1, 9);
    tcase_add_loop_test(c, gpu_projections_of_integers_are_exact, 1, 9);
    return s;
}
