// A chain
#include "ground/real.h"

struct chain {
    real (*link)(void *context, size_t l, real x);
    real (*slope)(void *context, size_t l, real x);
    void *context;
};
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>

real chain_backward(const struct chain *c, real x, size_t length,
                    size_t block, real *room);

enum { LONGEST = 40, CASES = LONGEST * (LONGEST + 1) / 2, ROOM = 128 };
static const real behind = -77;     /* what stands behind the room */
static double phase;

static struct run {
    size_t length, block, links, slopes;
    real x, got, room[ROOM];
} run[CASES], *now;

static real link(void *context, size_t l, real x)
{
    (void)context;
    now->links++;
    return (real)sin((double)x + phase * (double)l) + x / 2;
}

static real slope(void *context, size_t l, real x)
{
    (void)context;
    now->slopes++;
    return (real)cos((double)x + phase * (double)l) + (real)0.5;
}

static const struct chain chain = { link, slope, run };

// The derivative, from all x or from the wrong ones
enum mistake { NONE, FIRST_TO_LAST, LATE, ONE_LESS, MISTAKES };
static const char *const saying[MISTAKES] = { "", ": this looks like "
    "slopes multiplied from the first link on: other bits",
    ": this looks like slopes at the x behind each link, not before it",
    ": this looks like a product that lacks the last slope" };

static real by_keeping_all(const struct run *r, enum mistake mistake)
{
    static struct run scratch;
    real kept[LONGEST + 1], derivative = 1;
    now = &scratch;
    kept[0] = r->x;
    for (size_t l = 0; l < r->length; l++)
        kept[l + 1] = link(NULL, l, kept[l]);
    for (size_t k = r->length - (mistake == ONE_LESS); k-- > 0; ) {
        size_t l = mistake == FIRST_TO_LAST ? r->length - 1 - k : k;
        derivative *= slope(NULL, l, kept[l + (mistake == LATE)]);
    }
    return derivative;
}

// Judge a run
static void judge(size_t cases)
{
    const struct run *wrong = NULL, *room = NULL, *few = NULL,
                     *once = NULL;
    const char *why = "";
    for (const struct run *r = run; r < run + cases; r++) {
        size_t blocks = (r->length + r->block - 1) / r->block;
        size_t again = r->length - blocks;
        if (wrong == NULL && r->got != by_keeping_all(r, NONE))
            wrong = r;
        if (few == NULL && r->links > r->length + again)
            few = r;
        if (once == NULL && r->slopes != r->length)
            once = r;
        for (size_t i = blocks + r->block - 1; i < ROOM; i++)
            if (room == NULL && r->room[i] != behind)
                room = r;
    }
    for (int m = NONE + 1; m < MISTAKES && wrong != NULL; m++)
        if (wrong->got == by_keeping_all(wrong, (enum mistake)m))
            why = saying[m];
    #define AT(r) (r) ? (r)->length : 0, (r) ? (r)->block : 0
    lab_true("the derivative, bit for bit", wrong == NULL,
             "%zu links in blocks of %zu%s", AT(wrong), why);
    lab_true("the room", room == NULL, "written behind its end: %zu "
             "links in blocks of %zu", AT(room));
    lab_true("the calls of link", few == NULL, "sublayers are run too "
             "often: %zu links in blocks of %zu", AT(few));
    lab_true("the calls of slope", once == NULL, "not one for each "
             "link: %zu links in blocks of %zu", AT(once));
}

int main(void)
{
    size_t cases = 0;
    lab_begin("A chain with little memory");
    phase = 0.2 + 0.2 * random_uniform(lab_seed(1), 0, 0);
    for (size_t length = 1; length <= LONGEST; length++)
        for (size_t block = 1; block <= length; block++) {
            struct run *r = &run[cases++];
            *r = (struct run){ .length = length, .block = block,
                               .x = (real)0.1 * (real)block };
            for (size_t i = 0; i < ROOM; i++)
                r->room[i] = behind;
        }
    lab_output(run, sizeof run);
    lab_call(
        for (now = run; now < run + CASES; now++)
            now->got = chain_backward(&chain, now->x, now->length,
                                      now->block, now->room));
    judge(cases);
    return lab_end();
}
