#include "ground/random.h"
#include "support/casts.h"
#include "support/fill.h"
#include "support/lab.h"

size_t first_cast(const struct cast *cast, size_t count);

enum { CASTS = 6, ROWS = 5, COLUMNS = 400, COUNT = ROWS * COLUMNS };
static real x[CASTS][COUNT];
static int8_t exponent[CASTS][COUNT];
static struct cast cast[CASTS];

// Casts as a mistake has them
enum mistake { NONE, LAST, BY_CODE, POSITIVE, VANISHED, ONE_EXPONENT,
               MISTAKES };
static const char *const saying[MISTAKES] = { "",
    ": this is the last one that saturated",
    ": who lies at the largest did not saturate",
    ": this looks like positive numbers only",
    ": to vanish is not to saturate",
    ": each block has an exponent of its own" };

static bool saturated(const struct cast *c, enum mistake m)
{
    size_t blocks = (c->columns + 127) / 128;
    for (size_t k = 0; k < c->rows * c->columns; k++) {
        size_t block = k / c->columns * blocks + k % c->columns / 128;
        block = m == ONE_EXPONENT ? 0 : block;
        double size = (double)c->x[k];
        double scaled = ldexp(m == POSITIVE ? size : fabs(size),
                              -c->exponent[block]);
        if (m == BY_CODE ? scaled >= 448 : scaled > 448)
            return true;
        if (m == VANISHED && scaled != 0 && scaled < 0x1p-10)
            return true;
    }
    return false;
}

static size_t found_with(enum mistake m)
{
    size_t last = CASTS;
    for (size_t i = 0; i < CASTS; i++)
        if (saturated(&cast[i], m)) {
            if (m != LAST)
                return i;
            last = i;
        }
    return last;
}

/* arrays whose exponents are right */
static void make_casts(size_t columns)
{
    for (size_t i = 0; i < CASTS; i++) {
        size_t blocks = (columns + 127) / 128;
        fill_normal(x[i], ROWS * columns, i, 1);
        cast[i] = (struct cast){ x[i], exponent[i], ROWS, columns };
        for (size_t r = 0; r < ROWS; r++)
            for (size_t b = 0; b < blocks; b++) {
                real *at = x[i] + r * columns + b * 128;
                size_t rest = columns - b * 128;
                size_t e = random_below(7, i, r * blocks + b, 30);
                float amax = 0, by = (float)exp2((double)e - 15);
                for (size_t k = 0; k < rest && k < 128; k++) {
                    at[k] *= by;
                    amax = fmaxf(amax, fabsf(at[k]));
                }
                exponent[i][r * blocks + b] =
                    (int8_t)fp8_exponent(amax, FP8_E4M3);
            }
    }
}

static double most_of(size_t i, size_t k)
{
    size_t C = cast[i].columns, blocks = (C + 127) / 128;
    return ldexp(448, exponent[i][k / C * blocks + k % C / 128]);
}

static void check(const char *what)
{
    static size_t got;
    const char *like = "";
    got = 99;
    lab_input("cast", cast, sizeof cast);
    lab_input("x", x, sizeof x);
    lab_input("exponent", exponent, sizeof exponent);
    lab_output(&got, sizeof got);
    lab_call(got = first_cast(cast, CASTS));
    size_t want = found_with(NONE);
    for (int m = NONE + 1; got != want && m < MISTAKES && !*like; m++)
        if (got == found_with((enum mistake)m))
            like = saying[m];
    lab_true(what, got == want, "%zu in place of %zu%s", got, want,
             like);
}

int main(void)
{
    size_t columns = lab_size(1, 270, COLUMNS), at;
    lab_begin("Find the cast that saturates");
    make_casts(columns);
    check("none saturates");
    at = 3 * columns + 130;
    x[4][at] = (real)most_of(4, at);
    x[2][at] = (real)-most_of(2, at);
    check("the largest numbers there are");
    x[1][at] = (real)(most_of(1, at) * 0x1p-30);
    x[3][at] = (real)NAN;
    check("one that vanishes, one that is no number");
    x[5][7] = (real)INFINITY;
    check("an infinity, in the last");
    at = 4 * columns + 256;
    x[4][at] = (real)(most_of(4, at) * 1.01);
    check("a positive number, in the fifth");
    at = 2 * columns + 140;
    x[2][at] = (real)(most_of(2, at) * -1.01);
    check("a negative number, in the third");
    for (size_t k = 0; k < (columns + 127) / 128; k++)
        exponent[0][2 * ((columns + 127) / 128) + k]--;
    check("exponents of one row that are too small");
    return lab_end();
}
