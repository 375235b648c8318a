#include "ground/random.h"
#include "support/lab.h"
#include "support/tensor_core.h"

float promoted_sum(const float *ab, size_t count);

enum { MOST = 5000 };
static float ab[MOST], got;

// Sums as a mistake has them
enum mistake { NONE, NEVER, EACH, LATE, KEPT, DROPPED, MISTAKES };
static const char *const saying[MISTAKES] = { "",
    ": this looks like a sum that is never promoted",
    ": this looks like a promotion every 32 terms",
    ": this looks like a promotion every 256 terms",
    ": after a promotion the core begins at zero",
    ": what is left at the end counts, too" };

static float sum_with(size_t count, enum mistake m)
{
    float total = 0, part = 0;
    size_t every = m == EACH ? 32 : m == LATE ? 256 : 128, done = 0;
    for (size_t i = 0; i < count; i += AT_ONCE) {
        size_t some = count - i < AT_ONCE ? count - i : AT_ONCE;
        part = add_cut(part, ab + i, some);
        done += AT_ONCE;
        if (m != NEVER && done % every == 0) {
            total += part;
            part = m == KEPT ? part : 0;
        }
    }
    bool kept = m == KEPT && done % every == 0;
    return m == DROPPED || kept ? total : total + part;
}

static void check(const char *what, size_t count, bool one_sign)
{
    for (size_t i = 0; i < count; i++) {
        double x = random_normal(1, count, i);
        ab[i] = (float)(one_sign ? fabs(x) : x);
    }
    got = NAN;
    lab_input("ab", ab, (count + 1) * sizeof *ab);
    lab_output(&got, sizeof got);
    lab_call(got = promoted_sum(ab, count));
    float want = sum_with(count, NONE);
    const char *like = "";
    for (int m = NONE + 1; got != want && m < MISTAKES; m++)
        if (got == sum_with(count, (enum mistake)m)) {
            like = saying[m];
            break;
        }
    lab_true(what, got == want, "%.9g in place of %.9g%s", (double)got,
             (double)want, like);
}

int main(void)
{
    lab_begin("Promote a sum");
    check("32 terms", 32, false);
    check("128 terms", 128, true);
    check("640 terms", 640, true);
    check("many of both signs", lab_size(1, 1500, MOST) / 128 * 128,
          false);
    check("many of one sign", lab_size(2, 1500, MOST) / 128 * 128,
          true);
    check("terms that are left", 1500 + lab_size(3, 1, 31), true);
    check("few terms", lab_size(4, 1, 31), true);
    check("no terms", 0, true);
    return lab_end();
}
