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
#include <string.h>

real chain_backward(const struct chain *c, real x, size_t length,
                    size_t block, real *room);

enum { SHORT = 20, LONGEST = 100, ROOM = 2 * LONGEST + 8,
       CASES = (SHORT + 1) * (SHORT + 4) / 2 + 3 };
static const real behind = -77;     /* what stands behind the room */

static struct run {
    size_t length, block, links, slopes, times[LONGEST];
    size_t early;               /* links rebuilt before their turn */
    size_t outside;             /* slopes at an x not in the room */
    real x, got, room[ROOM];
    double phase;               /* drawn in the judge, when asked */
} run[CASES], *now;

// Serve the links and the slopes of a chain
struct question {
    size_t slope, l;
    real x, room[ROOM];
    const void *context;
};
static const struct run *astray;    /* given another context */

static size_t room_of(const struct run *r)
{
    return (r->length + r->block - 1) / r->block + r->block - 1;
}

static size_t first_of_last_block(const struct run *r)
{
    return r->length == 0 ? 0 : (r->length - 1) / r->block * r->block;
}

static real link_at(const struct run *r, size_t l, real x, bool again)
{
    return (real)sin((double)x + r->phase * (double)l + again) + x / 2;
}

static real slope_at(const struct run *r, size_t l, real x)
{
    return (real)cos((double)x + r->phase * (double)l) + (real)0.5;
}

/* before its end; written in the child, the question has its state */
static bool stands_in_room(const struct run *r,
                           const struct question *q)
{
    bool found = false;
    for (size_t i = 0; i < room_of(r); i++)
        found = found || q->room[i] == q->x;
    return found;
}

static void draw_phase(void)
{
    if (now->phase == 0)
        now->phase = 0.2 + 0.2 * random_uniform(
            lab_seed(1), 0, (size_t)(now - run));
}

static void serve(void *reply, const void *request)
{
    const struct question *q = request;
    real *y = reply;
    draw_phase();
    if (q->slope != 0) {
        now->slopes++;
        now->outside += !stands_in_room(now, q);
        *y = slope_at(now, q->l, q->x);
    } else {
        bool before = q->l < first_of_last_block(now);
        size_t next = now->length - now->slopes;    /* slope, and 1 */
        now->early += now->links++ >= now->length && next > 0
                    && q->l < (next - 1) / now->block * now->block;
        *y = link_at(now, q->l, q->x,
                     before && now->times[q->l]++ > 0);
    }
    if (q->context != now) {
        astray = now;
        *y += 1;
    }
}

IN_CHILD
static real link(void *context, size_t l, real x)
{
    struct question q = { .l = l, .x = x, .context = context };
    lab_ask(&x, &q);
    return x;
}

IN_CHILD
static real slope(void *context, size_t l, real x)
{
    struct question q = { .slope = 1, .l = l, .x = x,
                          .context = context };
    memcpy(q.room, now->room, sizeof q.room);
    lab_ask(&x, &q);
    return x;
}

static struct chain chain = { link, slope, NULL };

static void try_chain(void)
{
    for (size_t i = 0; i < ROOM; i++)
        now->room[i] = behind;
    chain.context = now;
    lab_input("the chain", &chain, sizeof chain);
    lab_output(&now->got, sizeof now->got);
    lab_output(now->room, sizeof now->room);
    lab_serve(serve, sizeof(real), sizeof(struct question));
    lab_call(now->got = chain_backward(&chain, now->x, now->length,
                                       now->block, now->room));
    draw_phase();
}

// The derivative, from all x or from the wrong ones
enum mistake { NONE, KEPT, FIRST_TO_LAST, LATE, ONE_LESS, MISTAKES };
static const char *const saying[MISTAKES] = { "", ": links were not "
    "rebuilt: where are all the x kept?", ": this looks like "
    "slopes multiplied from the first link on: other bits",
    ": this looks like slopes at the x behind each link, not before it",
    ": this looks like a product that lacks the last slope" };

static real derivative_of(const struct run *r, enum mistake mistake)
{
    real kept[LONGEST + 1], derivative = 1;
    size_t last = mistake == KEPT ? 0 : first_of_last_block(r);
    kept[0] = r->x;
    for (size_t l = 0; l < r->length; l++)
        kept[l + 1] = link_at(r, l, kept[l], false);
    for (size_t l = 0; l < last; l++)
        if ((l + 1) % r->block != 0)
            kept[l + 1] = link_at(r, l, kept[l], true);
    size_t end = r->length - (mistake == ONE_LESS && r->length > 0);
    for (size_t k = end; k-- > 0; ) {
        size_t l = mistake == FIRST_TO_LAST ? r->length - 1 - k : k;
        derivative *= slope_at(r, l, kept[l + (mistake == LATE)]);
    }
    return derivative;
}

// Judge a run
static void judge(size_t cases)
{
    const struct run *wrong = NULL, *room = NULL, *few = NULL,
                     *once = NULL, *early = NULL, *held = NULL;
    const char *why = "";
    for (const struct run *r = run; r < run + cases; r++) {
        size_t blocks = (r->length + r->block - 1) / r->block;
        size_t again = r->length - blocks;
        if (wrong == NULL && r->got != derivative_of(r, NONE))
            wrong = r;
        if (few == NULL && r->links > r->length + again)
            few = r;
        if (once == NULL && r->slopes != r->length)
            once = r;
        if (early == NULL && r->early > 0)
            early = r;
        if (held == NULL && r->outside > 0)
            held = r;
        for (size_t i = room_of(r); i < ROOM; i++)
            if (room == NULL && r->room[i] != behind)
                room = r;
    }
    for (int m = NONE + 1; m < MISTAKES && wrong != NULL; m++)
        if (wrong->got == derivative_of(wrong, (enum mistake)m))
            why = saying[m];
    #define AT(r) (r) ? (r)->length : 0, (r) ? (r)->block : 0
    lab_true("the context", astray == NULL, "link or slope was given "
             "another than c->context: %zu links in blocks of %zu",
             AT(astray));
    lab_true("the derivative, bit for bit", wrong == NULL,
             "%zu links in blocks of %zu%s", AT(wrong), why);
    lab_true("the room", room == NULL && held == NULL, "%s: %zu links "
             "in blocks of %zu", room ? "written behind its end"
             : "an x is not in it when its slope is taken",
             AT(room ? room : held));
    lab_true("block by block", early == NULL, "links were run again "
             "before the slopes of the block behind them: there is no "
             "room for both: %zu links in blocks of %zu", AT(early));
    lab_true("the calls of link", few == NULL, "sublayers are run too "
             "often: %zu links in blocks of %zu", AT(few));
    lab_true("the calls of slope", once == NULL, "not one for each "
             "link: %zu links in blocks of %zu", AT(once));
}

int main(void)
{
    size_t cases = 0;
    lab_begin("A chain with little memory");
    for (size_t length = 0; length <= SHORT; length++)
        for (size_t block = 1; block <= length + 2; block++)
            run[cases++] = (struct run){ .length = length,
                                         .block = block };
    while (cases < CASES) {
        size_t length = lab_size(cases, SHORT + 1, LONGEST);
        run[cases] = (struct run){ .length = length,
            .block = lab_size(cases + CASES, 2, length) };
        cases++;
    }
    for (now = run; now < run + cases; now++)
        now->x = (real)0.1 * (real)(now->block % SHORT);
    for (now = run; now < run + cases; now++)
        try_chain();
    judge(cases);
    return lab_end();
}
