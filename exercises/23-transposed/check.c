#include "ground/random.h"
#include "boundary/mixing.h"
#include "support/lab.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

typedef void mix_writer(real *next, const real *stream,
                        const real *answer, const real *coefficients,
                        const struct layout *l, size_t tokens);
bool write_is_right(mix_writer *write);

enum mistake { NONE, OTHER_ORDER, IN_DOUBLE, TRANSPOSED, ONE_TOKEN,
               NO_POST, REVERSED, NO_MIX, FIRST_OFF, LAST_OFF, ONE_OFF,
               LARGEST_OFF, ONE_NAN, VERSIONS };

// Write with a mistake
static void write_with(enum mistake m, real *next, const real *stream,
                       const real *answer, const real *coefficients,
                       const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    for (size_t at = 0; at < tokens * n * C; at++) {
        size_t t = at / (n * C), i = at / C % n, c = at % C;
        const real *post = coefficients + (m == ONE_TOKEN ? 0 : t) * K
                         + n, *res = post + n;
        real weight = m == NO_POST ? 1
                    : post[m == REVERSED ? n - 1 - i : i];
        double sum = (double)(weight * answer[t * C + c]);
        for (size_t k = 0; k < n; k++) {
            size_t j = m == OTHER_ORDER ? n - 1 - k : k;
            sum += (double)((m == NO_MIX ? i == j
                    : res[m == TRANSPOSED ? j * n + i : i * n + j])
                 * stream[(t * n + j) * C + c]);
            sum = m == IN_DOUBLE ? sum : (double)(real)sum;
        }
        next[at] = (real)sum;
    }
}

// Let the judge write
enum { MOST = 8192 };
static struct numbers {
    struct layout l;
    size_t tokens;
    real stream[MOST], answer[MOST], coefficients[MOST];
} given;
static unsigned version;        /* of this test; VERSIONS: not drawn */

static size_t draw(size_t below)
{
    unsigned drawn = 0;
    if (getrandom(&drawn, sizeof drawn, 0) != sizeof drawn)
        abort();
    return drawn % below;
}

/* one that was not tried; drawn in the judge, when the test runs */
static unsigned draw_version(void)
{
    static bool tried[VERSIONS];
    unsigned drawn = 0;
    do
        drawn = (unsigned)draw(VERSIONS);
    while (tried[drawn]);
    tried[drawn] = true;
    return drawn;
}

// Spoil one number
/* of `count`, in the versions that do so: NaN, or off by a hundredth of
   the largest: the first is too large, the last too small */
static void spoil(real *next, size_t count)
{
    double largest = 0;
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        if (fabs((double)next[i]) > largest)
            largest = fabs((double)next[at = i]);
    if (version == LAST_OFF
        || ((version == ONE_OFF || version == LARGEST_OFF)
            && draw(2) == 1))
        largest *= -1;
    if (count > 0 && version >= FIRST_OFF)
        next[version == FIRST_OFF ? 0 : version == LAST_OFF ? count - 1
             : version == LARGEST_OFF ? at : draw(count)]
            += (real)(version == ONE_NAN ? NAN : largest / 100);
}

IN_CHILD
static bool fits(const struct layout *l, size_t tokens)
{
    return l->streams > 0 && l->streams <= MIX_STREAMS
        && l->width <= MOST && l->parts <= MIX_STREAMS
        && l->outputs <= MIX_OUTPUTS && tokens <= MOST
        && tokens * l->streams * l->width <= MOST
        && tokens * layout_row(l) <= MOST;
}

static void serve(void *reply, const void *request)
{
    const struct numbers *x = request;
    struct numbers *next = reply;
    if (version == VERSIONS)
        version = draw_version();
    if (fits(&x->l, x->tokens)) {
        write_with((enum mistake)version, next->stream, x->stream,
                   x->answer, x->coefficients, &x->l, x->tokens);
        spoil(next->stream, x->tokens * x->l.streams * x->l.width);
    }
}

IN_CHILD
static void ask_judge(real *next, const real *stream,
                      const real *answer, const real *coefficients,
                      const struct layout *l, size_t tokens)
{
    static struct numbers made;
    size_t all = tokens * l->streams * l->width;
    if (!fits(l, tokens)) {
        printf("at most %d numbers in an array, please\n", MOST);
        abort();
    }
    given.l = *l;
    given.tokens = tokens;
    memcpy(given.stream, stream, all * sizeof *stream);
    memcpy(given.answer, answer, tokens * l->width * sizeof *answer);
    memcpy(given.coefficients, coefficients,
           tokens * layout_row(l) * sizeof *coefficients);
    lab_ask(&made, &given);
    memcpy(next, made.stream, all * sizeof *next);
}

int main(void)
{
    static unsigned char verdict[VERSIONS];
    lab_begin("Lab 23: find the transposed mix");
    for (size_t k = 0; k < VERSIONS; k++) {
        unsigned char right = 2;    /* a bool, if true or false */
        version = VERSIONS;
        lab_output(&right, sizeof right);
        lab_serve(serve, sizeof(struct numbers),
                  sizeof(struct numbers));
        lab_call(right = write_is_right(ask_judge));
        if (version == VERSIONS)
            version = draw_version();
        verdict[version] = right;
    }
    lab_true("a right version is right", verdict[NONE] == true,
             "your test rejects it");
    lab_true("right ones that round differently are right",
             verdict[OTHER_ORDER] == true && verdict[IN_DOUBLE] == true,
             "your test rejects one that adds %s",
             verdict[OTHER_ORDER] == true ? "in double"
             : "from the last stream to the first");
    // Show the wrong ones
    static const char *const wrong[VERSIONS] = {
        [TRANSPOSED] = "the transposed mix",
        [ONE_TOKEN] = "one token's coefficients for all",
        [NO_POST] = "an answer written without its weight",
        [REVERSED] = "writing weights in reversed order",
        [NO_MIX] = "streams that are not mixed",
    };
    bool found = true;
    for (size_t i = TRANSPOSED; i < FIRST_OFF; i++)
        lab_true(wrong[i], verdict[i] == false,
                 "your test takes it for right: %s", wrong[i]);
    for (size_t i = FIRST_OFF; i < VERSIONS; i++)
        found = found && verdict[i] == false;
    lab_true("a single wrong number", found, "your test takes it for right:"
             " the %s", verdict[FIRST_OFF] != false ? "first number is off"
             : verdict[LAST_OFF] != false ? "last number is off"
             : verdict[ONE_OFF] != false ? "number at a random place is off"
             : verdict[LARGEST_OFF] != false ? "largest number is off"
             : "number at a random place is NaN");
    return lab_end();
}
