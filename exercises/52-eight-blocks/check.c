#include "ground/blocks.h"
#include "ground/random.h"
#include "support/fill.h"
#include "support/fp8_by_search.h"
#include "support/lab.h"

enum { ROWS = 70, COLUMNS = 300, COUNT = ROWS * COLUMNS };
static const struct fp8_format format = { 3, 7, 0x7e };
static double size[128];
static real x[COUNT];

/* what becomes of x: of an answer, and as a mistake has it */
struct stored {
    fp8 q[COUNT];
    int8_t exponent[COUNT];
    struct fp8_range range;
};
static struct stored got, want;

// Blocks as a mistake has them
enum mistake { NONE, DOWN, NEAREST, INFINITE, TURNED, BY_COLUMNS,
               ONE_SCALE, UNCOUNTED, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    ": this looks like scales that are rounded down",
    ": this looks like scales that are rounded to the nearest",
    ": an infinity is no amax",
    ": rows and columns of a block have changed places",
    ": exponents stand row by row of blocks",
    ": this looks like one scale for all",
    ": what saturates or vanishes is not counted" };

static int scale_of(double amax, enum mistake m)
{
    double k = log2(amax / 448);
    int up = (int)ceil(k), down = (int)floor(k);
    if (amax == 0)
        return 0;
    if (isinf(amax))
        return FP8_MOST;
    up = m == DOWN ? down : m == NEAREST ? (int)rint(k) : up;
    return up < FP8_LEAST ? FP8_LEAST : up > FP8_MOST ? FP8_MOST : up;
}

static void store_with(struct stored *to, size_t rows, size_t columns,
                       struct fp8_blocks b, enum mistake m)
{
    size_t height = b.rows == 0 || m == ONE_SCALE ? rows : b.rows;
    size_t width = b.columns == 0 || m == ONE_SCALE ? columns
                 : b.columns;
    struct fp8_range range = { rows * columns, 0, 0, 0, 0 };
    memset(to, 0xee, sizeof *to);
    if (m == TURNED) {
        size_t was = height;
        height = width, width = was;
    }
    size_t down = (rows - 1) / height + 1;
    size_t across = (columns - 1) / width + 1;
    for (size_t i = 0; i < down * across; i++) {
        double amax = 0;
        int e = 0;
        for (int walk = 0; walk < 2; walk++) {
            for (size_t j = 0; j < height * width; j++) {
                size_t r = i / across * height + j / width;
                size_t c = i % across * width + j % width;
                if (r >= rows || c >= columns)
                    continue;
                double of = (double)x[r * columns + c];
                double y = ldexp(of, -e);
                if (walk == 0) {
                    if (fabs(of) > amax
                        && (m == INFINITE || !isinf(of)))
                        amax = fabs(of);
                    continue;
                }
                fp8 code = fp8_by_search((float)y, size, format);
                to->q[r * columns + c] = code;
                range.nan += isnan(of) ? 1 : 0;
                range.saturated += fabs(y) > 448 && m != UNCOUNTED;
                range.vanished += of != 0 && (code & 0x7f) == 0
                               && m != UNCOUNTED;
            }
            e = scale_of(amax, m);
        }
        range.amax = fmaxf(range.amax, (float)amax);
        to->exponent[m == BY_COLUMNS ? i % across * down + i / across
                                     : i] = (int8_t)e;
    }
    to->range = range;
}

static bool same(const struct stored *a, const struct stored *b,
                 size_t count, size_t scales)
{
    return memcmp(a->q, b->q, count) == 0
        && memcmp(a->exponent, b->exponent, scales) == 0
        && a->range.count == b->range.count
        && a->range.saturated == b->range.saturated
        && a->range.vanished == b->range.vanished
        && a->range.nan == b->range.nan
        && a->range.amax == b->range.amax;
}

static void check(const char *what, size_t rows, size_t columns,
                  struct fp8_blocks b)
{
    size_t count = rows * columns, at = 0, e = 0;
    size_t scales = fp8_scales(rows, columns, b);
    struct fp8_range none = { 0, 0, 0, 0, 0 };
    const char *like = "";
    memset(&got, 0xee, sizeof got);
    got.range = none;
    lab_input("x", x, count * sizeof *x);
    lab_output(&got, sizeof got);
    lab_call(fp8_store(got.q, got.exponent, x, rows, columns, b, format,
                       &got.range));
    store_with(&want, rows, columns, b, NONE);
    bool right = same(&got, &want, count, scales);
    while (at < count && got.q[at] == want.q[at])
        at++;
    while (e < scales && got.exponent[e] == want.exponent[e])
        e++;
    struct fp8_range is = want.range;
    for (int m = NONE + 1; !right && m < MISTAKES; m++) {
        store_with(&want, rows, columns, b, (enum mistake)m);
        if (same(&got, &want, count, scales)) {
            like = saying[m];
            break;
        }
    }
    store_with(&want, rows, columns, b, NONE);
    if (e < scales)
        lab_true(what, false, "exponent %zu is %d, not %d%s", e,
                 got.exponent[e], want.exponent[e], like);
    else if (at < count)
        lab_true(what, false, "q[%zu][%zu] is 0x%02x, not 0x%02x%s",
                 at / columns, at % columns, got.q[at], want.q[at],
                 like);
    else
        lab_true(what, right, "%zu counted, %zu saturated, %zu "
                 "vanished, %zu no numbers, amax %g; there are %zu, "
                 "%zu, %zu, %zu, %g%s", got.range.count,
                 got.range.saturated, got.range.vanished, got.range.nan,
                 (double)got.range.amax, is.count, is.saturated,
                 is.vanished, is.nan, (double)is.amax, like);
}

int main(void)
{
    static const struct fp8_blocks shape[] = { { 0, 0 }, { 1, 0 },
        { 1, 128 }, { 128, 128 }, { 32, 1 }, { 16, 32 } };
    static const char *const name[] = { "all in one block", "rows",
        "128 of a row", "128 x 128", "32 of a column", "16 x 32" };
    lab_begin("Scale by block");
    fp8_sizes(size, format);
    for (size_t i = 0; i < 6; i++) {
        size_t rows = lab_size(i, 33, ROWS);
        size_t columns = lab_size(10 + i, 130, COLUMNS);
        fill_normal(x, COUNT, i, 1);
        for (size_t j = 0; j < COUNT; j++)
            x[j] *= (real)exp2((double)random_below(i, 1, j / 9, 40)
                               - 20);
        check(name[i], rows, columns, shape[i]);
    }
    fill_normal(x, 12, 9, 30);
    x[1] = (real)INFINITY, x[5] = (real)NAN, x[10] = 0;
    x[6] = (real)-INFINITY;
    check("what is not finite", 1, 12, (struct fp8_blocks){ 1, 4 });
    for (size_t i = 0; i < 12; i++)
        x[i] = 0;
    check("zeros", 2, 6, (struct fp8_blocks){ 1, 4 });
    return lab_end();
}
