#include "ground/random.h"
#include "support/fp8_by_search.h"
#include "support/lab.h"

uint8_t e4m3_of(float x);

enum { MOST = 8000 };
static const struct fp8_format format = { 3, 7, 0x7e };
static double size[128];
static float x[MOST];
static uint8_t got[MOST];

// Encodings as a mistake has them
enum mistake { CUT, UP, FLUSHED, NOT_A_NUMBER, WRAPS, ENDS_AT_240,
               NO_SIGN, MISTAKES };
static const char *const saying[MISTAKES] = {
    ": this looks like cutting, not rounding",
    ": this looks like ties that go up",
    ": this looks like zeros below 2^-6",
    ": what is too large becomes 448, not 0x7f",
    ": what is too large wraps around",
    ": the highest exponent has numbers, too",
    ": zero keeps its sign" };

static uint8_t mistaken(float of, enum mistake m)
{
    uint8_t right = fp8_by_search(of, size, format);
    unsigned low = right & 0x7f, sign = right & 0x80;
    double a = fabs((double)of);
    if (of != of)
        return right;
    switch (m) {
    case CUT:
        return (uint8_t)(right - (low > 0 && size[low] > a));
    case UP:
        return (uint8_t)(right + (low < 0x7e
                         && a == (size[low] + size[low + 1]) / 2));
    case FLUSHED:
        return a < 0x1p-6 ? (uint8_t)sign : right;
    case NOT_A_NUMBER:
        return a > 464 ? (uint8_t)(sign | 0x7f) : right;
    case WRAPS:
        return a >= 464 && a < 480 ? (uint8_t)(sign | 0x7f)
             : a >= 480 ? (uint8_t)(sign | (unsigned)a % 0x7f) : right;
    case ENDS_AT_240:
        return low > 0x77 ? (uint8_t)(sign | 0x77) : right;
    default:
        return low == 0 ? 0 : right;
    }
}

/* which of them all codes are, if one is */
static const char *mistake_of(size_t count)
{
    for (int m = 0; m < MISTAKES; m++) {
        size_t i = 0;
        while (i < count && got[i] == mistaken(x[i], (enum mistake)m))
            i++;
        if (i == count)
            return saying[m];
    }
    return "";
}

static void add(size_t *count, float of)
{
    x[(*count)++] = of;
    x[(*count)++] = -of;
}

static void check(const char *what, size_t count)
{
    size_t wrong = 0;
    lab_input("x", x, count * sizeof *x);
    lab_output(got, sizeof got);
    lab_call(for (size_t i = 0; i < count; i++) got[i] = e4m3_of(x[i]));
    while (wrong < count
           && got[wrong] == fp8_by_search(x[wrong], size, format))
        wrong++;
    const char *like = wrong < count ? mistake_of(count) : "";
    size_t at = wrong < count ? wrong : 0;
    lab_true(what, wrong == count, "%a became 0x%02x in place of 0x%02x"
             "%s", (double)x[at], got[at],
             fp8_by_search(x[at], size, format), like);
}

int main(void)
{
    size_t count = 0;
    lab_begin("Encode E4M3");
    fp8_sizes(size, format);
    for (unsigned code = 0; code <= 0x7e; code++)
        add(&count, (float)size[code]);
    check("what E4M3 has", count);
    count = 0;
    for (unsigned code = 0; code < 0x7e; code++) {
        float middle = (float)((size[code] + size[code + 1]) / 2);
        add(&count, nextafterf(middle, 0));
        add(&count, nextafterf(middle, 1000));
    }
    check("beside the middles", count);
    count = 0;
    for (unsigned code = 0; code < 0x7e; code++)
        add(&count, (float)((size[code] + size[code + 1]) / 2));
    check("middles between neighbours", count);
    count = 0;
    static const float large[] = { 449, 464, 465, 479, 480, 1e4f, 1e30f,
                                   FLT_MAX, INFINITY };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        add(&count, large[i]);
    check("what is too large", count);
    count = 0;
    add(&count, 0);
    add(&count, 0x1p-149f);
    add(&count, 0x1p-126f);
    add(&count, NAN);
    check("zero, nearly zero, no number", count);
    for (count = 0; count < MOST;)
        add(&count, (float)ldexp(1 + random_uniform(1, 1, count),
                                 (int)random_below(1, 2, count, 24)
                                 - 13));
    check("drawn numbers", count);
    return lab_end();
}
