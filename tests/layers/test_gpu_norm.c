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
/* before: numbers in front of and behind each array of rows */
static const struct { size_t rows, width, before; } shapes[] = {
    { 0, 100, 100 }, { 1, 1, 1 }, { 7, 1, 1 }, { 1024, 1, 4 },
    { 7, 3, 3 }, { 1, 48, 48 }, { 64, 48, 1 }, { 1024, 48, 48 },
    { 1, 64, 64 }, { 64, 100, 100 }, { 7, 512, 512 }, { 7, 513, 4 },
    { 257, 100, 1 }, { 7, 2048, 2048 }, { 7, 2052, 4 },
    { 64, 2560, 2560 }, { 7, 2560, 1 }, { 7, 7168, 7168 },
    { 1, 8196, 8 }, { 2, 20000, 8 }, { 2, 16385, 4 },
};
enum { SHAPES = sizeof shapes / sizeof *shapes };

/* the rows of this shape within NaNs; two odd ones among them */
static struct pair rows_of(int shape, uint64_t seed, double scale)
{
    size_t rows = shapes[shape].rows, width = shapes[shape].width;
    size_t before = shapes[shape].before, count = rows * width;
    struct pair p = pair_unset(EXACT, 1, count + 2 * before);
    real *x = reals(p.cpu) + before;
    fill_normal(x, count, seed, scale);
    if (rows > 2)
        memset(x, 0, width * sizeof *x);
    double length = 0;
    for (size_t c = width; rows > 2 && c < 2 * width; c++)
        length += (double)x[c] * (double)x[c];
    for (size_t c = width; rows > 2 && c < 2 * width; c++)
        x[c] = (real)((double)x[c] * 1e-4 * scale / sqrt(length));
    pair_upload(p);
    return p;
}

static struct pair unset_rows(int shape)
{
    return pair_unset(EXACT, 1, shapes[shape].rows * shapes[shape].width
                                + 2 * shapes[shape].before);
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

/* |got - want| <= bound for each; outside of them still NaN */
static void within(const char *name, struct pair p, size_t before,
                   const double *bound, size_t count)
{
    const real *got = pair_reals(p), *want = reals(p.cpu);
    size_t all = p.cpu.rows * p.cpu.columns;
    for (size_t i = 0; i < all; i++) {
        double g = (double)got[i], w = (double)want[i];
        if (i < before || i >= before + count)
            ck_assert_msg(isnan(got[i]), "%s: written at %zu of %zu",
                          name, i, all);
        else
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
            dx[t * width + c] = sums * unit * root * (u + hat * rms);
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
    int s = _i / 3;
    size_t rows = shapes[s].rows, width = shapes[s].width;
    size_t before = shapes[s].before, count = rows * width;
    struct pair x = rows_of(s, 21, 1), out = unset_rows(s);
    struct pair gain = pair_normal(EXACT, 1, width, 22, 1);
    struct pair r = pair_unset(EXACT, 1, rows);
    double *bound = (double *)test_reals(2 * (count + rows));
    double sums = (chain_cpu(width) + v->chain(width)) / 2;
    double apart = (sums + 10) * unit;
    norm_forward(reals(out.cpu) + before, reals(r.cpu),
                 reals(x.cpu) + before, reals(gain.cpu), rows, width);
    v->forward(&gpu, on_gpu(out, before), on_gpu(r, 0),
               on_gpu(x, before), on_gpu(gain, 0), rows, width);
    for (size_t i = 0; i < count; i++)
        bound[i] = apart * fabs((double)reals(out.cpu)[before + i]);
    within(v->name, out, before, bound, count);
    for (size_t t = 0; t < rows; t++)
        bound[t] = apart * (double)reals(r.cpu)[t];
    within(v->name, r, 0, bound, rows);
}
END_TEST

/* fails if what is along a row is left in, if add is ignored or reads
   what nobody wrote, or if a slice of rows is lost from dgain */
START_TEST(gpu_norm_backward_is_the_cpus)
{
    static const double scales[] = { 1, 1e5, 0 };
    int s = _i / 3;
    bool add = _i % 2 == 1;
    size_t rows = shapes[s].rows, width = shapes[s].width;
    size_t before = shapes[s].before, count = rows * width;
    struct pair x = rows_of(s, 23, 1);
    struct pair dout = rows_of(s, 24, scales[_i % 3]);
    struct pair gain = pair_normal(EXACT, 1, width, 25, 1);
    struct pair dgain = pair_normal(EXACT, 1, width, 26, 1);
    struct pair dx = add ? rows_of(s, 27, 1) : unset_rows(s);
    struct pair work = pair_unset(EXACT, 1, gpu_norm_work(rows, width));
    real *at = reals(x.cpu) + before, *dy = reals(dout.cpu) + before;
    real *out = test_reals(count), *root = test_reals(rows);
    double *bound = (double *)test_reals(2 * (count + width));
    norm_forward(out, root, at, reals(gain.cpu), rows, width);
    for (size_t i = 0; scales[_i % 3] == 0 && i < count; i++)
        dy[i] = 1;
    pair_upload(dout);
    struct array roots = device_shape(&cpu, EXACT, 1, rows);
    roots.at = root;
    struct pair r = pair_copy(roots);
    // Start the bounds with what is added to
    for (size_t i = 0; add && i < count; i++)
        bound[i] = 2 * unit * fabs((double)reals(dx.cpu)[before + i]);
    for (size_t c = 0; c < width; c++)
        bound[count + c] = 2 * unit * fabs((double)reals(dgain.cpu)[c]);
    bounds(bound, bound + count, dy, at, root, reals(gain.cpu), rows,
           width);
    norm_backward(reals(dx.cpu) + before, reals(dgain.cpu), dy, at,
                  root, reals(gain.cpu), rows, width, add);
    gpu_norm_backward(&gpu, on_gpu(dx, before), on_gpu(dgain, 0),
                      on_gpu(work, 0), on_gpu(dout, before),
                      on_gpu(x, before), on_gpu(r, 0), on_gpu(gain, 0),
                      rows, width, add);
    within("dx", dx, before, bound, count);
    within("dgain", dgain, 0, bound + count, width);
}
END_TEST

/* fails if the order of a sum depends on who comes first */
START_TEST(gpu_norm_repeats_its_bits)
{
    enum { ROWS = 300, WIDTH = 1000, COUNT = ROWS * WIDTH };
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
