#include "boundary/kernels.h"
#include <math.h>
#include <string.h>

// Sectors of a piece of a row
/* bytes of the sectors that so many floats of a token's row lie in, on
   the average; no more than the row has */
static double piece(double n, double floats)
{
    return fmin(4 * floats + 28, 4 * (2 * (2 * n + n * n) + 1));
}

// Kernels there
static size_t there_at_once(struct kernel *k, double n)
{
    double m = 2 * n + n * n;
    k[0] = (struct kernel){ "cross_kernel", .units = 2 * n + 2,
        .phi = 1, .row = piece(n, m - n) + 4 * (2 * m + 1) + 4,
        .cached = 4 * m * n / 16, .work = 2 * n * n + 6 * n + 5 };
    if (n == 4)
        return 1;
    k[1] = (struct kernel){ "thread_kernel",
        .row = 2 * piece(n, n * n) };
    return 2;
}
static size_t there_apart(struct kernel *k, double n)
{
    double m = 2 * n + n * n;
    const struct kernel all[] = {
        { "write_kernel", .units = 2 * n + 1, .row = piece(n, m - n),
          .work = 2 * n * (n + 1) },
        { "project_kernel", .units = n, .row = piece(n, m + 1),
          .phi = 1, .cached = m * n / 16, .work = 2 * n },
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
enum { RUNS = 16,               /* of tokens, for phi */
       SHARES = 128 };          /* for biases */

static size_t mixes_back(struct kernel *k, double n)
{
    double m = 2 * n + n * n, most = 4 * (2 * m + 1);
    double sums = 2 * 4 * SHARES * m;
    const struct kernel all[] = {
        { "logits_kernel",
          .row = piece(n, n * n + 1) + piece(n, n * n) },
        { n == 4 ? "lanes_backward_kernel"
                 : "thread_backward_kernel",
          .row = fmin(2 * piece(n, n * n), most)
               + piece(n, n * n) },
        { "entries_backward_kernel",
          .row = piece(n, 2 * n + m + 1) + piece(n, m)
               + piece(n, n * n + 1 + 2 * n),
          .fixed = sums },
        { "scales_kernel", .fixed = sums } };
    memcpy(k, all, sizeof all);
    return sizeof all / sizeof *all;
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
    double m = 2 * n + n * n;
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
          .work = 4 * n * n + 4 * n } };
    size_t norm = norm_back(k), rest = sizeof all / sizeof *all;
    memcpy(k + norm, all, sizeof all);
    return norm + rest + mixes_back(k + norm + rest, n);
}
static size_t back_at_once(struct kernel *k, double n)
{
    double m = 2 * n + n * n, tile = n == 8 ? 8 : 16;
    double walks = n == 8 ? 2 : 1;
    const struct kernel all[] = {
        { "gates_kernel", .units = n + 1, .row = 2 * piece(n, n) + 8,
          .work = 6 * n + 3 },
        { "apply_kernel", .units = 3 * n + 3 + 2 / tile, .phi = 1,
          .row = piece(n, n + m + 1) + piece(n, m)
               + 2 * piece(n, m - n) + 8,
          .cached = walks * 4 * m * n / tile
                  + (walks - 1) * 2 * (2 * n + 2),
          .work = walks * (2 * m * n + 2 * n * n + 8 * n + 7)
                + 4 * n * n + 4 * n },
        { "project_backward_kernel", .units = n, .phi = RUNS,
          .row = piece(n, m) + piece(n, 1),
          .cached = 4 * m * n / 128, .work = 2 * m * n },
        { "fold_kernel", .phi = RUNS + 2 },
        { "fold_kernel", .units = 2 / tile } };
    memcpy(k, all, sizeof all);
    return sizeof all / sizeof *all
         + mixes_back(k + sizeof all / sizeof *all, n);
}

/* what nobody has: products on tensor cores, sums on the chip */
static size_t back_in_one(struct kernel *k, double n)
{
    double m = 2 * n + n * n;
    k[0] = (struct kernel){ "cross_back_kernel", .units = 3 * n + 3,
        .row = 2 * piece(n, m - n) + 4 * (2 * m + 1) + 4,
        .phi = 1 + RUNS, .cached = 4 * m * n / 16,
        .work = 6 * n * n + 16 * n + 10 };
    k[1] = (struct kernel){ "fold_kernel", .phi = RUNS + 2 };
    return 2;
}

// Kernels of a boundary
static size_t residual_apart(struct kernel *k, enum way way)
{
    if (way == THERE) {
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
                        enum scheme scheme, enum way way, size_t n)
{
    double streams = (double)n;
    switch (scheme) {
    case RESIDUAL_APART:
        return residual_apart(k, way);
    case APART:
        return way == THERE ? there_apart(k, streams)
                            : back_apart(k, streams);
    case AT_ONCE:
        return way == THERE ? there_at_once(k, streams)
                            : back_at_once(k, streams);
    case ONE_PASS:
        return way == THERE ? there_at_once(k, streams)
                            : back_in_one(k, streams);
    default:
        k[0] = (struct kernel){ "add and norm", .units = 4, .row = 4,
                                .work = 6 };
        return 1;
    }
}

double kernel_bytes(const struct kernel *k, size_t n, double tokens,
                    double width)
{
    double m = (double)(2 * n + n * n);
    return 2 * tokens * width * k->units + tokens * k->row
         + 4 * m * (double)n * width * k->phi + k->fixed;
}
