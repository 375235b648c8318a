#include "check/trials.h"
#include <stdio.h>
#include <string.h>

// The mistakes that are tried
#define M(name) MISTAKE(name)
#define THREE(name) (M(name) | M(name + 1) | M(name + 2))

/* back: what backward makes besides */
static const struct known {
    uint64_t wrong, back;
    const char *saying;
} known[] = {
    { M(NO_FACTOR), 0, "the factor 2 of h_post is missing" },
    { M(OTHER_ORDER), 0,
      "Sinkhorn's rows and columns in the other order" },
    { M(TRANSPOSED), 0, "h_res is used transposed" },
    { M(STORED_TRANSPOSED), 0,
      "h_res is used rightly, but stands in the file transposed" },
    { M(BY_COLUMNS), 0, "the logits fill h_res column by column" },
    { M(NORM_PER_STREAM), 0, "each stream has a norm of its own" },
    { M(NO_NORM), 0, "the streams are not normalised before phi" },
    { M(TANH), 0, "a tanh is left in, from Hyper-Connections" },
    { M(FIRST_TOKEN), 0,
      "token 0's h_res mixes the streams of all tokens" },
    { M(FIRST_TOKEN), M(FIRST_GATHERED),
      "token 0's h_res mixes all tokens, and gets their gradients" },
    { M(NO_MIX), 0, "the streams are not mixed by h_res" },
    { M(MIX_DROPPED), 0, "next lacks the mixed streams" },
    { M(EXIT_OTHER), 0,
      "exit is the sum of the streams, not the mean" },
    { M(EXIT_FIRST), 0,
      "exit is stream 0, not the mean of the streams" },
    // Mistakes in the maps
    { THREE(NO_ALPHA), 0, "alpha is missing" },
    { M(NO_ALPHA), 0, "alpha is missing for pre" },
    { M(NO_ALPHA + 1), 0, "alpha is missing for post" },
    { M(NO_ALPHA + 2), 0, "alpha is missing for res" },
    { THREE(NO_BIAS), 0, "the bias is missing" },
    { M(NO_BIAS), 0, "the bias is missing for pre" },
    { M(NO_BIAS + 1), 0, "the bias is missing for post" },
    { M(NO_BIAS + 2), 0, "the bias is missing for res" },
    { M(SOFTMAX_PRE), 0, "h_pre is a softmax, not a sigmoid" },
    { M(SOFTMAX_POST), 0, "h_post is twice a softmax" },
    { M(SOFTMAX_POST) | M(NO_FACTOR), 0,
      "h_post is a softmax, without the 2" },
    { M(SOFTMAX_PRE) | M(SOFTMAX_POST), 0,
      "h_pre is a softmax, and h_post twice one" },
    { M(SOFTMAX_PRE) | M(SOFTMAX_POST) | M(NO_FACTOR), 0,
      "h_pre and h_post are softmaxes" },
    { M(SIGMOID_START), 0, "Sinkhorn starts from a sigmoid of the logits" },
    { M(SOFTMAX_START), 0,
      "a softmax comes before Sinkhorn's first half step" },
    { M(ROW_MAXIMUM), 0,
      "the largest logit of each row is taken out before Sinkhorn" },
    { M(ROW_MAXIMUM), M(MAXIMUM_CUT),
      "each row's largest logit is taken out, as if it were constant" },
    // Mistakes of the backward pass alone
    { 0, M(SINKHORN_CUT), "no gradient comes back through Sinkhorn" },
    { 0, M(STRAIGHT_THROUGH), "the gradient passes Sinkhorn unchanged, "
      "as if h_res were its logits" },
    { 0, M(EXPONENTIAL_ONLY), "the gradient comes through Sinkhorn's "
      "exponential only, and no half step" },
    { 0, M(LAST_STEP_ONLY),
      "the gradient comes through Sinkhorn's last half step only" },
    { 0, M(NORM_CUT), "the gradient takes the norm for a constant" },
    { 0, M(PATH_CUT), "dstreams lacks what comes back through phi" },
    { 0, M(READ_CUT),
      "dstreams lacks what comes back through the reading" },
    { 0, M(MIX_CUT), "dstreams lacks what comes back through the mix" },
    { 0, M(NOT_TRANSPOSED_BACK),
      "dstreams is mixed by h_res, not by its transpose" },
    { 0, M(ALPHA_FORGOTTEN),
      "what comes back to phi and through it lacks the factor alpha" },
    { 0, M(POST_FORGOTTEN), "danswer lacks h_post" },
};

// Add a trial
struct list {
    struct trial *trial;
    size_t used, iterations;    /* what the file says */
    bool gradients;
};

static void add(struct list *l, struct trial t, bool one_pass)
{
    struct trial there = t, back = t;
    t.where = "";
    if (l->gradients || t.forward != 0 || t.there != 0)
        l->trial[l->used++] = t;
    if (!one_pass || !l->gradients)
        return;
    there.where = " (forward only)";
    there.backward = there.back = 0;
    l->trial[l->used++] = there;
    back.where = " (backward only)";
    back.forward = back.there = 0;
    l->trial[l->used++] = back;
}

// Try other numbers of iterations
static void add_steps(struct list *l, double iterations, bool quiet)
{
    unsigned bit = 1U << HALF_STEPS;
    struct trial t = { .there = bit, .back = bit,
                       .value = 2 * iterations, .quiet = quiet };
    if (iterations == (double)l->iterations)
        return;
    snprintf(t.saying, SAYING, "%g iteration%s of Sinkhorn, not %zu",
             iterations, iterations == 1 ? "" : "s", l->iterations);
    add(l, t, true);
}

static void add_common_steps(struct list *l)
{
    static const double common[] = { 0, 1, 2, 3, 4, 5, 8, 10, 15, 20,
                                     30, 40, 50, 100 };
    double half = (double)l->iterations / 2;
    add_steps(l, half, false);
    for (size_t i = 0; i < sizeof common / sizeof *common; i++)
        if (common[i] != half)
            add_steps(l, common[i], true);
}

// Try other epsilons
#define N(name) (1U << (name))
static const struct place {
    unsigned numbers;
    uint64_t wrong;
    const char *saying;
} places[] = {
    { N(NORM_EPSILON_AT), 0, "the norm's epsilon is %s%.2g" },
    { N(NORM_EPSILON_AT), M(NORM_OUTSIDE),
      "the norm adds %s%.2g to its root, not inside it" },
    { N(PRE_EPSILON), 0, "what is added to h_pre is %s%.2g" },
    { N(POST_EPSILON), 0, "what is added to h_post is %s%.2g" },
    { N(START_EPSILON) | N(DIVISOR_EPSILON), 0,
      "Sinkhorn's epsilon is %s%.2g" },
    { N(DIVISOR_EPSILON), 0, "Sinkhorn's divisors get %s%.2g" },
    { N(START_EPSILON), 0,
      "what is added after Sinkhorn's first half step is %s%.2g" },
    { N(START_EPSILON) | N(DIVISOR_EPSILON) | N(PRE_EPSILON), 0,
      "the epsilon of h_pre and Sinkhorn is %s%.2g" },
    { N(START_EPSILON) | N(DIVISOR_EPSILON) | N(PRE_EPSILON)
      | N(POST_EPSILON), 0,
      "the epsilon of both gates and Sinkhorn is %s%.2g" } };
enum { ALL_PLACES = sizeof places / sizeof *places };

static struct trial epsilon_at(const struct place *p, double epsilon,
                               const char *about)
{
    struct trial t = { .forward = p->wrong, .backward = p->wrong,
        .there = p->numbers, .back = p->numbers, .value = epsilon,
        .quiet = true };
    snprintf(t.saying, SAYING, p->saying, about, epsilon);
    return t;
}

static void add_epsilons(struct list *l)
{
    static const double round[] = { 0, 1e-12, 1e-8, 1e-7, 1e-6, 1e-5,
                                    1e-4, 1e-3, 1e-2, .02, .05 };
    for (size_t p = 0; p < ALL_PLACES; p++)
        for (size_t i = 0; i < sizeof round / sizeof *round; i++)
            add(l, epsilon_at(&places[p], round[i], ""), false);
}

void trial_refine(struct trial *t, double epsilon)
{
    const struct place *p = places;
    while (p->numbers != t->there || p->wrong != t->forward)
        p++;
    struct trial new = epsilon_at(p, epsilon, "about ");
    new.where = t->where;
    *t = new;
}

// Try other orders of the groups
static void add_orders(struct list *l)
{
    static const char *const group[] = { "pre", "post", "res" };
    for (unsigned i = 1; i < ORDERS; i++)
        for (int stays = 0; stays < 2; stays++) {
            uint64_t wrong = stays ? M(ALPHA_STAYS) : 0;
            const unsigned char *o = reference_orders[i];
            struct trial t = { .forward = wrong, .backward = wrong,
                .there = N(ORDER), .back = N(ORDER), .value = i,
                .quiet = stays };
            snprintf(t.saying, SAYING, "the groups lie in the order %s,"
                     " %s, %s%s", group[o[0]], group[o[1]], group[o[2]],
                     stays ? ", but their alphas do not" : "");
            add(l, t, false);
        }
}

// List what is tried first
size_t trials_known(struct trial list[TRIALS], const struct settings *s,
                    bool gradients)
{
    struct list l = { .trial = list, .gradients = gradients,
                      .iterations = s->iterations };
    uint64_t out = M(STORED_TRANSPOSED) | M(EXIT_OTHER) | M(EXIT_FIRST);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        const struct known *k = &known[i];
        struct trial t = { .forward = k->wrong,
                           .backward = k->wrong | k->back };
        snprintf(t.saying, SAYING, "%s", k->saying);
        add(&l, t, k->back == 0 && !(k->wrong & out));
    }
    add_orders(&l);
    add_common_steps(&l);
    add_epsilons(&l);
    return l.used;
}

size_t trials_scan(struct trial list[TRIALS], const struct settings *s,
                   bool gradients)
{
    struct list l = { .trial = list, .gradients = gradients,
                      .iterations = s->iterations };
    for (size_t p = 0; p < ALL_PLACES; p++)
        add(&l, epsilon_at(&places[p], 1e-6, "about "), false);
    for (int steps = 0; steps <= 100; steps++)
        add_steps(&l, steps / 2., true);
    return l.used;
}

// Make a trial
static void make(struct way *way, uint64_t wrong, unsigned numbers,
                 double value)
{
    way->wrong |= wrong;
    for (unsigned i = 0; i < NUMBERS; i++)
        if (numbers & N(i))
            way->number[i] = value;
}

bool trial_is_harmless(const struct trial *t, bool released)
{
    uint64_t softmax = M(SOFTMAX_START) | M(ROW_MAXIMUM);
    return released && ((t->forward | t->backward) & softmax);
}

struct rules trial_rules(struct rules r, const struct trial *t)
{
    make(&r.forward, t->forward, t->there, t->value);
    make(&r.backward, t->backward, t->back, t->value);
    return r;
}
