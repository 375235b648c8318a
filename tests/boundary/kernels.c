#include "boundary/kernels.h"
#include <math.h>
#include <string.h>

/* operations that it takes to cut a float in two pieces: conversions
   have half the rate, and a multiply-add is two */
enum { SPLIT = 10 };

/* outputs, and bytes of a row, of n streams */
static double outputs(double n)
{
    return 2 * n + n * n;
}

static double whole_row(double n)
{
    return 4 * (2 * outputs(n) + 1);
}

/* bytes that so many floats of a row save, if they are not touched */
static double gap(double floats)
{
    return fmax(0, 4 * floats - 28);
}

/* bytes that so many floats of a row, side by side, move */
static double piece(double n, double floats)
{
    return whole_row(n) - gap(whole_row(n) / 4 - floats);
}

// Kernels forward
static size_t forward_at_once(struct kernel *k, double n)
{
    double m = outputs(n);
    k[0] = (struct kernel){ "cross_kernel", .units = 2 * n + 2,
        .phi = 1, .row = piece(n, m - n) + whole_row(n) + 4,
        .cached = 4 * m * n / 16,
        .work = 2 * n * n + 8 * n + 8 + SPLIT * m * n / 16,
        .tensor = 4 * m * n };
    if (n == 4)
        return 1;
    k[1] = (struct kernel){ "thread_kernel",
        .row = 2 * piece(n, n * n) };
    return 2;
}

static size_t forward_apart(struct kernel *k, double n)
{
    double m = outputs(n);
    const struct kernel all[] = {
        { "write_kernel", .units = 2 * n + 1, .row = piece(n, m - n),
          .work = 2 * n * (n + 1) },
        { "project_kernel", .units = n, .row = piece(n, m + 1),
          .phi = 1, .cached = m * n / 16, .work = 2 * n,
          .tensor = 4 * m * n },
        { "entries_kernel", .row = piece(n, m + 1) + piece(n, m) },
        { n == 4 ? "lanes_kernel" : "thread_kernel",
          .row = 2 * piece(n, n * n) },
        { "read_kernel", .units = n + 1, .row = piece(n, n),
          .work = 2 * n },
        { "norm_kernel", .units = 2, .row = 4, .work = 4 } };
    memcpy(k, all, sizeof all);
    return sizeof all / sizeof *all;
}

// Kernels back
enum { RUNS = 16,               /* of tokens, for phi alone */
       SHARES = 128,            /* of them, for biases */
       BLOCKS = 128 };          /* at most, of runs at once */

static size_t matrix_back(struct kernel *k, double n)
{
    k[0] = (struct kernel){ "logits_kernel",
        .row = piece(n, n * n + 1) + piece(n, n * n) };
    k[1] = (struct kernel){ n == 4 ? "lanes_backward_kernel"
                                   : "thread_backward_kernel",
        .row = fmin(2 * piece(n, n * n), whole_row(n))
             + piece(n, n * n) };
    return 2;
}

static size_t norm_back(struct kernel *k)
{
    k[0] = (struct kernel){ "norm_dx_kernel", .units = 3, .row = 4,
                            .work = 6 };
    k[1] = (struct kernel){ "norm_dgain_kernel", .units = 2, .row = 4,
                            .work = 3 };
    k[2] = (struct kernel){ .name = "fold_kernel" };
    return 3;
}

static size_t back_apart(struct kernel *k, double n)
{
    double m = outputs(n), sums = 2 * 4 * SHARES * m;
    const struct kernel all[] = {
        { "read_backward_kernel", .units = n + 1,
          .row = piece(n, n), .work = 2 * n },
        { "along_kernel",
          .row = piece(n, m + 1) + piece(n, m) + piece(n, 1) },
        { "project_backward_kernel", .units = 3 * n + 1,
          .phi = 1 + RUNS,
          .row = piece(n, n + 1) + piece(n, m + 1),
          .cached = 4 * m * n / 128, .work = 4 * m * n + 4 * n },
        { "fold_kernel", .phi = RUNS + 2 },
        { "write_backward_kernel", .units = 3 * n + 2,
          .row = 2 * piece(n, m - n),
          .work = 4 * n * n + 4 * n },
        { "entries_backward_kernel",
          .row = piece(n, 2 * n + m + 1) + piece(n, m)
               + piece(n, n * n + 1 + 2 * n),
          .fixed = sums },
        { "scales_kernel", .fixed = sums } };
    size_t norm = norm_back(k), rest = sizeof all / sizeof *all;
    memcpy(k + norm, all, sizeof all);
    return norm + rest + matrix_back(k + norm + rest, n);
}
static size_t back_at_once(struct kernel *k, const struct size *s,
                           struct way_back way)
{
    double n = (double)s->streams, m = outputs(n);
    double tile = n == 8 ? 8 : 16, C = (double)s->width;
    double passes = n == 8 ? 5 : 1, twice = n == 8 ? 2 : 1;
    double runs = fmin(ceil((double)s->tokens / tile),
                       (double)(BLOCKS / way.blocks));
    double part = 8 * m * runs;
    const struct kernel all[] = {
        { "back_kernel", .units = 3 * n + 3,
          .phi = 1 + (way.phi ? runs : 0),
          .row = whole_row(n) - gap(n * n) + piece(n, m - n)
               + whole_row(n) - gap(m) - gap(n + 1) + 4
               + piece(n, m - n) + (way.phi ? 0 : piece(n, m)),
          .fixed = (runs + 1) * 4 * C + part,
          .cached = twice * 4 * m * n / tile + (twice - 1) * 2 * n
                  + (way.tile ? 0 : passes * 2 * (n + 2)),
          .work = 2 * n * n + 8 * n + 10
                + passes * (2 * n * n + 4 * n + 16) + 4 * n * (n + 1)
                + twice * (8 * n + SPLIT * m * n / tile),
          .tensor = twice * 6 * m * n * 16 / tile
                  + (way.phi ? 4 * m * n * 16 / tile : 0) },
        { "scales_kernel", .fixed = part },
        { "fold_kernel", .fixed = (runs + 2) * 4 * C },
        { "fold_kernel", .phi = (way.phi ? runs : RUNS) + 2 },
        { "project_backward_kernel", .units = n, .phi = RUNS,
          .row = piece(n, m) + piece(n, 1),
          .cached = 4 * m * n / 128, .work = 2 * m * n } };
    size_t count = sizeof all / sizeof *all - way.phi;
    memcpy(k, all, count * sizeof *all);
    return count + matrix_back(k + count, n);
}

// Kernels of a boundary
static size_t residual_apart(struct kernel *k, bool back)
{
    if (!back) {
        k[0] = (struct kernel){ "add_kernel", .units = 3, .work = 1 };
        k[1] = (struct kernel){ "norm_kernel", .units = 2, .row = 4,
                                .work = 4 };
        return 2;
    }
    size_t norm = norm_back(k);
    k[norm] = (struct kernel){ "share_kernel", .units = 4 };
    return norm + 1;
}

size_t boundary_kernels(struct kernel k[MOST_KERNELS],
                        enum scheme scheme, bool back,
                        const struct size *s, struct way_back way)
{
    double n = (double)s->streams;
    // Kernels of other schemes
    if (scheme == EIGHT) {              /* AT_ONCE, with streams in E4M3 */
        double row = ceil(n * (double)s->width * 129 / 128 / 16) * 16;
        double streams = row / (2 * (double)s->width);
        size_t kernels = boundary_kernels(k, AT_ONCE, back, s, way);
        k[0].name = back ? "back_eight_kernel" : "cross_eight_kernel";
        k[0].units = back ? 3 * streams + 3 : 2 * streams + 2;
        return kernels;
    }
    switch (scheme) {
    case RESIDUAL_APART:
        return residual_apart(k, back);
    case APART:
        return back ? back_apart(k, n) : forward_apart(k, n);
    case AT_ONCE:
        return back ? back_at_once(k, s, way) : forward_at_once(k, n);
    default:
        k[0] = (struct kernel){ "add and norm", .units = 4, .row = 4,
                                .work = 6 };
        return 1;
    }
}

double kernel_bytes(const struct kernel *k, const struct size *s)
{
    double n = (double)s->streams, T = (double)s->tokens;
    double C = (double)s->width;
    return 2 * T * C * k->units + T * k->row
         + 4 * outputs(n) * n * C * k->phi + k->fixed;
}
