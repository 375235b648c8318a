#include "layers/norm.cuh"
#include "layers/norm_versions.h"
#include "support/pair.h"
#include "support/suite.h"
#pragma weak gpu_norm_forward
#pragma weak gpu_norm_backward
#pragma weak gpu_norm_work
#pragma weak norm_1_forward
#pragma weak norm_2_forward

// Shapes of norms
/* before: numbers in front of and behind each array of rows; shifted:
   one more in front of x (1), the result (2), gain (4), dout (8) */
static const struct shape { size_t rows, width, before, shifted; }
    shapes[] = {
    { 0, 100, 100, 0 }, { 1, 1, 1, 0 }, { 7, 1, 1, 0 },
    { 1024, 1, 4, 0 }, { 7, 3, 3, 0 }, { 1, 48, 48, 0 },
    { 64, 48, 1, 0 }, { 1024, 48, 48, 0 }, { 1, 64, 64, 0 },
    { 64, 100, 100, 0 }, { 7, 512, 512, 0 }, { 7, 513, 4, 0 },
    { 257, 100, 1, 0 }, { 7, 2048, 2048, 0 }, { 7, 2052, 4, 0 },
    { 64, 2560, 2560, 0 }, { 7, 2560, 1, 0 }, { 7, 7168, 7168, 0 },
    { 1, 8196, 8, 0 }, { 2, 20000, 8, 0 }, { 2, 16385, 4, 0 },
    { 5, 64, 4, 1 }, { 5, 64, 4, 2 }, { 5, 64, 4, 4 }, { 5, 64, 4, 8 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes, FENCE = -12345 };

/* `count` numbers with NaN before and behind */
static struct pair framed(size_t before, size_t count, uint64_t seed,
                          double scale)
{
    struct pair p = pair_unset(EXACT, 1, count + 2 * before);
    fill_normal(reals(p.cpu) + before, count, seed, scale);
    pair_upload(p);
    return p;
}

/* the rows of this shape; two odd ones among them */
static struct pair rows_of(const struct shape *s, size_t before,
                           uint64_t seed, double scale)
{
    struct pair p = framed(before, s->rows * s->width, seed, scale);
    real *first = reals(p.cpu) + before, *x = first + s->width;
    double length = 0;
    if (s->rows <= 2)
        return p;
    memset(first, 0, s->width * sizeof *first);
    for (size_t c = 0; c < s->width; c++)
        length += (double)x[c] * (double)x[c];
    for (size_t c = 0; c < s->width; c++)
        x[c] = (real)((double)x[c] * 1e-4 * scale / sqrt(length));
    pair_upload(p);
    return p;
}

/* for a result: fences in place of the NaNs around it */
static struct pair fenced(size_t before, struct pair p)
{
    real *x = reals(p.cpu);
    for (size_t i = 0; i < before; i++)
        x[i] = x[p.cpu.columns - 1 - i] = FENCE;
    pair_upload(p);
    return p;
}

static struct pair unset(size_t before, size_t count)
{
    return fenced(before, pair_unset(EXACT, 1, count + 2 * before));
}

static float *on_gpu(struct pair p, size_t before)
{
    return (float *)p.gpu.at + before;
}

// How far two norms may be apart
static const double unit = FLT_EPSILON / 2;

/* additions that a term goes through */
static double chain_cpu(size_t width)
{
    return (double)(width / 16 + 5);
}

static double chain_1(size_t width)
{
    return (double)width;
}

static double chain_2(size_t width)
{
    return (double)(width / 256 + 9);
}

static double chain_3(size_t width)
{
    return 16 + 5 + (width > 512 ? 32 : 0) + (double)(width / 1024);
}

/* |got - want| <= bound for each, if there are bounds; and the fences
   stand */
static void within(const char *name, struct pair p, size_t before,
                   const double *bound)
{
    const real *got = pair_reals(p), *want = reals(p.cpu);
    size_t all = p.cpu.columns;
    for (size_t i = 0; i < all; i++) {
        double g = (double)got[i], w = (double)want[i];
        if (i < before || i >= all - before)
            ck_assert_msg(got[i] == FENCE, "%s: written at %zu of %zu",
                          name, i, all);
        else if (bound != NULL)
            ck_assert_msg(fabs(g - w) <= bound[i - before],
                          "%s: at %zu got %.9g want %.9g, apart by "
                          "%.2g, at most %.2g", name, i - before, g,
                          w, fabs(g - w), bound[i - before]);
    }
}

/* the bounds on dx and dgain, from what the cpu was given */
static void bounds(double *dx, double *dgain, const real *dout,
                   const real *x, const real *r, const real *gain,
                   size_t rows, size_t width)
{
    double sums = chain_cpu(width) + chain_3(width) + 16;
    for (size_t t = 0; t < rows; t++) {
        const real *dy = dout + t * width, *row = x + t * width;
        double square = 0, root = (double)r[t];
        for (size_t c = 0; c < width; c++)
            square += pow((double)gain[c] * (double)dy[c], 2);
        double rms = sqrt(square / (double)width);
        for (size_t c = 0; c < width; c++) {
            double hat = fabs((double)row[c]) * root;
            double u = fabs((double)gain[c] * (double)dy[c]);
            dx[t * width + c] += sums * unit * root * (u + hat * rms);
            dgain[c] += ((double)rows + 8 + 32 + 8 + (double)rows / 256)
                        * unit * fabs((double)dy[c]) * hat;
        }
    }
}

// Tests of the norm on the gpu
static const struct version {
    const char *name;
    void (*forward)(struct device *, float *, float *, const float *,
                    const float *, size_t, size_t);
    double (*chain)(size_t width);
} versions[] = {
    { "a thread a row", norm_1_forward, chain_1 },
    { "a block a row", norm_2_forward, chain_2 },
    { "warps a row", gpu_norm_forward, chain_3 },
};

/* fails if channels or rows are left out or taken twice, if epsilon
   stands elsewhere, or if anything beyond the rows is touched */
START_TEST(gpu_norm_is_the_cpus)
{
    const struct version *v = &versions[_i % 3];
    const struct shape *s = &shapes[_i / 3];
    size_t rows = s->rows, width = s->width, count = rows * width;
    size_t x_at = s->before + (s->shifted & 1);
    size_t out_at = s->before + (s->shifted >> 1 & 1);
    size_t gain_at = s->shifted >> 2 & 1;
    struct pair x = rows_of(s, x_at, 21, 1), out = unset(out_at, count);
    struct pair gain = framed(gain_at, width, 22, 1);
    struct pair r = unset(1, rows);
    real *y = reals(out.cpu) + out_at, *root = reals(r.cpu) + 1;
    double *bound = (double *)test_reals(2 * (count + rows));
    double sums = (chain_cpu(width) + v->chain(width)) / 2;
    norm_forward(y, root, reals(x.cpu) + x_at,
                 reals(gain.cpu) + gain_at, rows, width);
    v->forward(&gpu, on_gpu(out, out_at), on_gpu(r, 1), on_gpu(x, x_at),
               on_gpu(gain, gain_at), rows, width);
    for (size_t i = 0; i < count; i++)
        bound[i] = (sums + 10) * unit * fabs((double)y[i]);
    within(v->name, out, out_at, bound);
    for (size_t t = 0; t < rows; t++)
        bound[t] = (sums + 10) * unit * (double)root[t];
    within(v->name, r, 1, bound);
}
END_TEST

/* fails if what is along a row is left in, if add is ignored or reads
   what nobody wrote, or if a slice of rows is lost from dgain */
START_TEST(gpu_norm_backward_is_the_cpus)
{
    const struct shape *s = &shapes[_i / 3];
    enum { NORMAL, LARGE, ONES } kind = _i % 3;
    bool add = _i % 2 == 1;
    size_t rows = s->rows, width = s->width, count = rows * width;
    // Where the arrays of a shape begin
    size_t x_at = s->before + (s->shifted & 1);
    size_t dx_at = s->before + (s->shifted >> 1 & 1);
    size_t gain_at = s->shifted >> 2 & 1;
    size_t dy_at = s->before + (s->shifted >> 3 & 1);
    struct pair x = rows_of(s, x_at, 23, 1);
    struct pair dout = rows_of(s, dy_at, 24, kind == LARGE ? 1e5 : 1);
    struct pair gain = framed(gain_at, width, 25, 1);
    struct pair r = framed(1, rows, 28, 1);
    struct pair dx = add ? fenced(dx_at, rows_of(s, dx_at, 27, 1))
                         : unset(dx_at, count);
    struct pair dgain = fenced(1, framed(1, width, 26, 1));
    struct pair work = unset(1, gpu_norm_work(rows, width));
    real *dy = reals(dout.cpu) + dy_at, *at = reals(x.cpu) + x_at;
    real *d = reals(dx.cpu) + dx_at, *dg = reals(dgain.cpu) + 1;
    real *g = reals(gain.cpu) + gain_at, *root = reals(r.cpu) + 1;
    double *bound = (double *)test_reals(2 * (count + width));
    for (size_t i = 0; kind == ONES && i < count; i++)
        dy[i] = 1;
    norm_forward(test_reals(count), root, at, g, rows, width);
    pair_upload(dout);
    pair_upload(r);
    // Start the bounds with what is added to
    for (size_t i = 0; add && i < count; i++)
        bound[i] = 2 * unit * fabs((double)d[i]);
    for (size_t c = 0; c < width; c++)
        bound[count + c] = 2 * unit * fabs((double)dg[c]);
    bounds(bound, bound + count, dy, at, root, g, rows, width);
    norm_backward(d, dg, dy, at, root, g, rows, width, add);
    gpu_norm_backward(&gpu, on_gpu(dx, dx_at), on_gpu(dgain, 1),
                      on_gpu(work, 1), on_gpu(dout, dy_at),
                      on_gpu(x, x_at), on_gpu(r, 1),
                      on_gpu(gain, gain_at), rows, width, add);
    within("dx", dx, dx_at, bound);
    within("dgain", dgain, 1, bound + count);
    within("work", work, 1, NULL);
}
END_TEST

/* fails if the order of a sum depends on who comes first */
START_TEST(gpu_norm_repeats_its_bits)
{
    enum { ROWS = 1500, WIDTH = 100, COUNT = ROWS * WIDTH };
    pair_open();
    struct pair x = pair_normal(EXACT, ROWS, WIDTH, 31, 1);
    struct pair dout = pair_normal(EXACT, ROWS, WIDTH, 32, 1);
    struct pair gain = pair_normal(EXACT, 1, WIDTH, 33, 1);
    struct pair work = pair_unset(EXACT, 1, gpu_norm_work(ROWS, WIDTH));
    const real *all[4];
    for (int k = 0; k < 2; k++) {
        struct pair both = pair_unset(EXACT, 2, COUNT);
        struct pair few = pair_integers(EXACT, 1, ROWS + WIDTH, 34, 0);
        float *out = on_gpu(both, 0), *r = on_gpu(few, 0);
        gpu_norm_forward(&gpu, out, r, on_gpu(x, 0), on_gpu(gain, 0),
                         ROWS, WIDTH);
        gpu_norm_backward(&gpu, out + COUNT, r + ROWS, on_gpu(work, 0),
                          on_gpu(dout, 0), on_gpu(x, 0), r,
                          on_gpu(gain, 0), ROWS, WIDTH, false);
        all[2 * k] = pair_reals(both);
        all[2 * k + 1] = pair_reals(few);
    }
    assert_same(all[2], all[0], 2 * COUNT);
    assert_same(all[3], all[1], ROWS + WIDTH);
}
END_TEST

// The suite of the norm on the gpu
Suite *gpu_norm_suite(void);
Suite *gpu_norm_suite(void)
{
    Suite *s = suite_create("gpu_norm");
    TCase *c = tcase_create("gpu_norm");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_norm_is_the_cpus, 0, 3 * SHAPES);
    tcase_add_loop_test(c, gpu_norm_backward_is_the_cpus, 0,
                        3 * SHAPES);
    tcase_add_test(c, gpu_norm_repeats_its_bits);
    return s;
}
