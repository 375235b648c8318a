#include "support/cpu.h"
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "check/boundary.h"
#include "checkpoint/image.h"
#include "model/kinds.h"
#include "ground/memory.h"
#include "boundary/mixing.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/suite.h"
#include "trace/trace.h"

// Tests of the reference
static void make(struct boundary *b, const struct rules *r)
{
    struct message m = { 0, "" };
    ck_assert_msg(reference_run(b, r, &m), "%s", m.text);
}

/* fails if the reference departs from the equations, even where our own
   program does so with it */
START_TEST(two_streams_come_out_as_by_hand)
{
    double third = log(3), streams[] = { 1, 1, 3, -1 };
    double phi[32] = { 0 }, alpha[] = { 1, 1, 1 }, answer[] = { 4, 8 };
    double bias[] = { third, -third, 0, third, 0, 0, log(2), 0 };
    double pre[2], post[2], res[4], input[2], next[4], exit[2];
    struct boundary b = { 1, 2, 2, { streams, phi, alpha, bias, answer,
        NULL, NULL, pre, post, res, input, next, exit } };
    struct settings one = test_settings;
    one.iterations = 1;
    struct rules r = reference_rules(&one, false);
    make(&b, &r);
    double want[] = { .75, .25, 1, 1.5, .4, .6, 4. / 7, 3. / 7,
        1.5, .5 };
    double got[] = { pre[0], pre[1], post[0], post[1], res[0], res[1],
        res[2], res[3], input[0], input[1] };
    for (size_t i = 0; i < 10; i++)
        ck_assert_double_eq_tol(got[i], want[i], 1e-12);
    ck_assert_double_eq_tol(next[0], .4 + 3 * .6 + 4, 1e-12);
    ck_assert_double_eq_tol(next[3], 4. / 7 - 3. / 7 + 12, 1e-12);
    ck_assert_double_eq_tol(exit[1], (next[1] + next[3]) / 2, 1e-12);
}
END_TEST
#ifdef REAL_IS_DOUBLE
enum { SLICES = 8 };
static const struct settings few_steps = { .iterations = 4,
    .norm_epsilon = 1e-6, .sinkhorn_epsilon = 1e-6 };

/* is its backward pass that of its forward pass? */
static bool is_consistent(const struct trial *t)
{
    uint64_t kernel = MISTAKE(FIRST_TOKEN);
    bool epsilon = t->quiet && t->there != 0 && t->value < .5;
    if (t->forward == kernel)
        return t->backward == (kernel | MISTAKE(FIRST_GATHERED));
    return t->forward == t->backward && t->there == t->back
        && (!epsilon || t->value == .02);
}

struct judged { struct boundary *b; const struct rules *r; };

static double boundary_loss(void *context)
{
    const struct judged *j = context;
    const struct boundary *b = j->b;
    double loss = 0;
    make(j->b, j->r);
    for (size_t i = 0; i < check_size(b, NEXT); i++)
        loss += b->at[NEXT][i] * b->at[DNEXT][i];
    for (size_t i = 0; i < check_size(b, INPUT); i++)
        loss += b->at[INPUT][i] * b->at[DINPUT][i];
    return loss;
}

static void agree_with_differences(const struct rules *r, size_t n)
{
    static const enum item given[] = { STREAMS, PHI, ALPHA, BIAS,
                                       ANSWER };
    static const enum item made[] = { DSTREAMS, DPHI, DALPHA, DBIAS,
                                      DANSWER };
    struct boundary b = test_boundary(3, n, 4, 7 + n);
    struct judged j = { &b, r };
    for (size_t k = 0; k < 5; k++) {
        size_t count = check_size(&b, given[k]), zeros = 0;
        real *kept = test_reals(count);
        make(&b, r);
        for (size_t i = 0; i < count; i++) {
            kept[i] = b.at[made[k]][i];
            zeros += kept[i] == 0;
        }
        if (zeros < count)
            assert_gradient(difference_check(boundary_loss, &j,
                b.at[given[k]], kept, count));
        else
            ck_assert(given[k] == ALPHA || given[k] == BIAS);
    }
}

/* fails if a mistake is answered on the way back by another one: a
   framework would not do so */
START_TEST(its_gradients_are_those_of_its_forward)
{
    struct rules r = reference_rules(&few_steps, _i % 2);
    for (size_t n = 1; n <= 4; n++)
        agree_with_differences(&r, n);
    struct trial list[TRIALS];
    size_t count = trials_known(list, &few_steps, true);
    for (size_t i = (size_t)_i / 2; i < count; i += SLICES)
        if (is_consistent(&list[i])) {
            struct rules wrong = trial_rules(r, &list[i]);
            agree_with_differences(&wrong, 3);
        }
}
END_TEST
#endif
/* what comes back through phi: both its terms, in dstreams[i] */
static double through_phi(const struct boundary *b, size_t i)
{
    size_t n = b->streams, all = n * b->width;
    const double *x = b->at[STREAMS];
    double square = 0, along = 0, mine = 0;
    for (size_t e = 0; e < all; e++)
        square += x[e] * x[e] / (double)all;
    double scale = 1 / sqrt(square + test_settings.norm_epsilon);
    for (size_t e = 0; e < all; e++) {
        double d = 0;
        for (size_t k = 0; k < n * (n + 2); k++)
            d += b->at[DBIAS][k] * b->at[PHI][k * all + e]
               * b->at[ALPHA][k / n < 2 ? k / n : 2];
        along += d * x[e] * scale / (double)all;
        mine = e == i ? d : mine;
    }
    return scale * (fabs(mine) + fabs(x[i] * scale * along));
}

static double terms(const struct boundary *b, enum item role, size_t i)
{
    size_t n = b->streams, C = b->width, c = i % C, s = i / C;
    double *const *at = b->at, sum = 0;
    if (role == NEXT)
        sum = fabs(at[H_POST][s] * at[ANSWER][c]);
    if (role == DSTREAMS)
        sum = through_phi(b, i) + fabs(at[H_PRE][s] * at[DINPUT][c]);
    for (size_t j = 0; j < n; j++) {
        double x = at[STREAMS][j * C + c], d = at[DNEXT][j * C + c];
        sum += role == INPUT ? fabs(at[H_PRE][j] * x)
             : role == NEXT ? fabs(at[H_RES][s * n + j] * x)
             : role == EXIT ? terms(b, NEXT, j * C + c) / (double)n
             : role == DANSWER ? fabs(at[H_POST][j] * d)
             : role == DSTREAMS ? fabs(at[H_RES][j * n + s] * d) : 0;
    }
    return sum > 0 ? sum : fabs(at[role][i]);
}

/* fails if a stored sum is disturbed in proportion to itself and not to
   its terms */
START_TEST(what_is_stored_is_off_by_u_of_its_terms)
{
    const double u = 0x1p-20;
    enum item role = (enum item)_i;
    struct boundary exact = test_boundary(1, 3, 5, 21);
    struct boundary off = test_boundary(1, 3, 5, 21);
    struct roughness rough = { .seed = 0 };
    struct rules r = reference_rules(&test_settings, false);
    size_t above = 0, below = 0, count = check_size(&exact, role);
    rough.at[role] = u;
    make(&exact, &r);
    r.rough = &rough;
    while (++rough.seed <= 8) {
        make(&off, &r);
        for (size_t i = 0; i < count; i++) {
            double error = (off.at[role][i] - exact.at[role][i]) / u;
            ck_assert_double_eq_tol(fabs(error), terms(&exact, role, i),
                                    1e-8);
            error > 0 ? above++ : below++;
        }
    }
    ck_assert(above > 0 && below > 0);
}
END_TEST
// Tests of the check
/* a file from the reference itself, with mistakes, stored in a type */
static struct check *filed(const char *type, const struct rules *r,
                           size_t tokens, size_t streams)
{
    static struct check c;
    c = (struct check){ .file.settings = test_settings,
        .file.hers = test_boundary(tokens, streams, 16, 3) };
    test_store(&c, type);
    make(&c.file.hers, r);
    test_store(&c, type);
    return &c;
}

/* what is printed of it */
static char report[8000];

static void print_report(const struct check *c)
{
    FILE *out = fmemopen(report, sizeof report, "w");
    check_print(out, c);
    fclose(out);
}

static const struct check *checked(struct check *c)
{
    struct message m = { 0, "" };
    ck_assert_msg(check_run(c, NULL, &m), "%s", m.text);
    print_report(c);
    return c;
}

static bool says(const char *text)
{
    return strstr(report, text) != NULL;
}

static struct rules rules_of(bool released, uint64_t forward,
                             uint64_t backward)
{
    struct rules r = reference_rules(&test_settings, released);
    r.forward.wrong = forward;
    r.backward.wrong = backward;
    return r;
}
static const char *const types[] = { "F64", "F32", "BF16" };
enum { NAMED_SLICES = 64 };

/* what is no mistake, or one that F32 does not show */
static bool is_no_mistake(const struct trial *t, bool released)
{
    bool epsilon = t->quiet && t->there != 0 && t->value < .5;
    return trial_is_harmless(t, released)
        || (epsilon && t->value < 1e-4);
}

/* fails if a tolerance is too narrow for rounding, or so wide that both
   conventions agree */
START_TEST(what_is_right_agrees_with_one_convention)
{
    static const double most[] = { 1e-12, 1e-4, .3 };
    for (int released = 0; released < 2; released++) {
        struct rules r = rules_of(released, 0, 0);
        const struct check *c = checked(filed(types[_i], &r, 8, 4));
        const struct verdict *v = c->whole.verdict;
        ck_assert_uint_eq(v[released].of, PARTS);
        ck_assert_uint_eq(v[released].agree, PARTS);
        ck_assert_uint_le(v[!released].agree, PARTS - 5);
        ck_assert(c->best == (size_t)released && c->founds == 0);
        ck_assert(!says("no known mistake") && !says("likely"));
        for (size_t p = 0; p < PARTS; p++)
            ck_assert(v[released].tolerance[p]
                      < most[_i] * v[released].scale[p]);
    }
}
END_TEST

/* 40 iterations and 100 come to the same: then both are named */
static bool is_among(const struct trial *t, const struct check *c)
{
    const struct trial *found = c->found;
    bool most = t->there + t->back != 0 && t->value >= 60
             && c->most == 200;
    return t->forward == found->forward && t->there == found->there
        && t->backward == found->backward && t->back == found->back
        && (most || c->least == c->most) && t->value >= c->least
        && t->value <= c->most && (most || t->value == found->value);
}

/* a mistake of the function is made on both ways, but for the two
   whose way back has its own; others are of the way back alone */
/* fails if a mistake of the function is given to one pass of a trial
   only */
START_TEST(both_ways_make_the_same_mistake)
{
    struct trial list[TRIALS];
    size_t count = trials_known(list, &test_settings, true);
    uint64_t back = ~(MISTAKE(SINKHORN_CUT) - 1);
    for (size_t i = 0; i < count; i++) {
        uint64_t f = list[i].forward, b = list[i].backward;
        if (*list[i].where != '\0' || list[i].there != 0)
            continue;
        if (f == 0)
            ck_assert((b & back) == b && b != 0 && (b & (b - 1)) == 0);
        else if (b == (f | MISTAKE(FIRST_GATHERED)))
            ck_assert(f == MISTAKE(FIRST_TOKEN));
        else if (b == (f | MISTAKE(MAXIMUM_CUT)))
            ck_assert(f == MISTAKE(ROW_MAXIMUM));
        else
            ck_assert(f == b && (f & back) == 0);
    }
}
END_TEST

/* fails if the bit of a mistake has the saying of another, or two of
   them change the numbers alike */
START_TEST(a_mistake_is_named)
{
    struct trial list[TRIALS];
    size_t count = trials_known(list, &test_settings, true);
    for (size_t i = (size_t)_i; i < count; i += NAMED_SLICES)
        for (int released = 0; released < 2; released++) {
            if (is_no_mistake(&list[i], released))
                continue;
            struct rules r = reference_rules(&test_settings, released);
            r = trial_rules(r, &list[i]);
            const struct check *c = checked(filed("F32", &r, 4, 4));
            ck_assert_msg(c->founds == 1 && c->rival_count == 0
                && is_among(&list[i], c) && c->explained.agree == PARTS
                && c->found_released == released && c->rough == NULL,
                "%s%s, released %d:\n%s", list[i].saying,
                list[i].where, released, report);
        }
}
END_TEST
/* fails if the search stops at one mistake, or drops what explains
   little alone */
START_TEST(two_mistakes_are_both_named)
{
    static const enum mistake pairs[][2] = {
        { NO_FACTOR, TRANSPOSED }, { TANH, NO_ALPHA },
        { FIRST_TOKEN, NORM_PER_STREAM }, { BY_COLUMNS, NORM_CUT } };
    uint64_t all = MISTAKE(pairs[_i][0]) | MISTAKE(pairs[_i][1]);
    struct rules r = rules_of(false, all, all);
    const struct check *c = checked(filed("F32", &r, 8, 4));
    ck_assert_uint_eq(c->founds, 2);
    ck_assert_uint_eq(c->found[0].backward | c->found[1].backward, all);
    ck_assert_uint_eq(c->explained.agree, PARTS);
    ck_assert(says("\nand: ") && says("\nwith these made, 17 of 17 "));
}
END_TEST

/* fails if the tolerances of BF16 hide a missing factor, or the search
   mistakes it for another */
START_TEST(large_mistakes_are_named_in_bf16)
{
    static const enum mistake large[] = { NO_FACTOR, TRANSPOSED,
        BY_COLUMNS, NORM_PER_STREAM, NO_ALPHA, TANH, FIRST_TOKEN,
        EXIT_OTHER, SINKHORN_CUT };
    struct rules r = rules_of(false, MISTAKE(large[_i]),
                              MISTAKE(large[_i]));
    struct check *c = filed("BF16", &r, 8, 4);
    c->only = ONLY_PAPER;
    checked(c);
    ck_assert(c->alias == (large[_i] == TRANSPOSED));
    ck_assert(says("h_res used transposed all agree with the paper's "
                   "form, too\n") == c->alias);
    if (c->alias)
        return;
    ck_assert_uint_ge(c->founds, 1);
    ck_assert_uint_eq(c->found[0].backward, r.backward.wrong);
    ck_assert_uint_eq(c->explained.agree, PARTS);
}
END_TEST
static bool blind(const struct check *c, enum mistake mistake)
{
    for (size_t i = 0; i < c->trials; i++)
        if (c->trial[i].backward == MISTAKE(mistake)
            && *c->trial[i].where == '\0')
            return c->trial[i].blind;
    ck_abort_msg("mistake %d was not tried", mistake);
}

/* fails if a mistake that changes nothing is not listed, or one that
   shows is */
START_TEST(what_a_file_cannot_show_is_listed)
{
    struct rules r = rules_of(false, 0, 0);
    const struct check *c = checked(filed("F32", &r, 8, 4));
    for (size_t i = 0; i < c->trials; i++)
        ck_assert_msg(!c->trial[i].blind, "%s", c->trial[i].saying);
    struct check *zero = filed("F32", &r, 8, 4);
    struct boundary *b = &zero->file.hers;
    for (size_t i = 0; i < check_size(b, PHI); i++)
        b->at[PHI][i] = 0;
    make(b, &r);
    b->at[DPHI] = b->at[DALPHA] = NULL;
    c = checked(zero);
    ck_assert(c->whole.verdict[0].agree == PARTS - 6);
    ck_assert(blind(c, TANH) && blind(c, NORM_PER_STREAM));
    ck_assert(!blind(c, TRANSPOSED) && !blind(c, NO_FACTOR));
    ck_assert(says("\nnot given: dphi dalpha\n"));
    ck_assert(says("would not show in this file:\n  Sinkhorn's row"));
    ck_assert(says("\n  a tanh") && !says("\n  h_res is used transp"));
    c = checked(filed("F32", &r, 8, 1));
    ck_assert(blind(c, TRANSPOSED) && blind(c, EXIT_OTHER));
    ck_assert(says("8 tokens, 1 stream of width 16, 20 iterations\n"));
    ck_assert(!blind(c, NO_FACTOR));
    c = checked(filed("F32", &r, 1, 4));
    ck_assert(blind(c, FIRST_TOKEN) && !blind(c, TRANSPOSED));
    ck_assert(says("1 token, 4 streams of") && says("\n  token 0's"));
    c = checked(filed("F32", &r, 1, 1));
    ck_assert_uint_eq(c->whole.verdict[0].agree, PARTS);
    ck_assert_str_eq(c->whole.part[PARTS - 1].name, "danswer");
}
END_TEST

static struct check *only(enum item role, uint64_t mistakes)
{
    struct rules r = rules_of(false, mistakes, mistakes);
    struct check *few = filed("F32", &r, 8, 4);
    for (int i = H_PRE; i < ITEMS; i++)
        if (i != (int)role)
            few->file.hers.at[i] = NULL, few->file.type[i] = NULL;
    return few;
}

/* fails if a file without gradients is tried with mistakes of the
   backward pass */
START_TEST(in_h_post_alone_its_factor_is_missed)
{
    struct check *few = only(H_POST, 0);
    few->file.hers.at[DNEXT] = NULL;
    for (size_t i = 0; i < check_size(&few->file.hers, H_POST); i++)
        few->file.hers.at[H_POST][i] /= 2;
    const struct check *c = checked(few);
    ck_assert_uint_eq(c->whole.verdict[0].of, 1);
    ck_assert_uint_eq(c->found[0].forward, MISTAKE(NO_FACTOR));
    ck_assert(blind(c, TRANSPOSED) && !blind(c, TANH));
    for (size_t i = 0; i < c->trials; i++)
        ck_assert(c->trial[i].forward || c->trial[i].there);
}
END_TEST

/* fails if the first or the last of the parts is left out when blind
   spots are looked for */
START_TEST(the_first_and_the_last_part_show_what_they_can)
{
    const struct check *c = checked(only(H_PRE, 0));
    ck_assert(!blind(c, SOFTMAX_PRE) && blind(c, NO_FACTOR));
    ck_assert(says("\n  the groups lie in the order pre, res, post\n"));
    ck_assert(!says("alphas do not") && !says("order post, pre, res"));
    c = checked(only(DANSWER, 0));
    ck_assert(!blind(c, NO_FACTOR) && blind(c, TRANSPOSED));
}
END_TEST

/* fails if in BF16 the paper's matrix, used transposed, passes for the
   released form in silence */
START_TEST(one_convention_transposed_may_be_the_other)
{
    for (int released = 0; released < 2; released++) {
        uint64_t transposed = MISTAKE(TRANSPOSED);
        struct rules r = rules_of(released, transposed, transposed);
        const struct check *c = checked(filed(types[_i], &r, 8, 4));
        bool all = c->whole.verdict[!released].agree == PARTS;
        ck_assert(all == (_i == 2) && c->alias == all);
        ck_assert(all == (c->founds == 0));
        r = rules_of(released, 0, 0);
        c = checked(filed(types[_i], &r, 8, 4));
        ck_assert(c->founds == 0 && c->alias == (_i == 2));
        ck_assert(says("too: say which is meant") == c->alias);
        ck_assert(!says(released ? "--convention released"
                                 : "--convention paper"));
    }
}
END_TEST

/* fails if the sum of eight streams, whose rounding is larger than that
   of their mean, is left unexplained */
START_TEST(eight_streams_added_up_are_a_wrong_exit)
{
    struct rules r = rules_of(false, MISTAKE(EXIT_OTHER), 0);
    const struct check *c = checked(filed("F32", &r, 8, 8));
    size_t p = 0;
    while (strcmp(c->whole.part[p].name, "exit") != 0)
        p++;
    double more = 4 * c->whole.verdict[0].tolerance[p];
    struct check *rounded = filed("F32", &r, 8, 8);
    for (size_t i = 0; i < check_size(&rounded->file.hers, EXIT); i++)
        rounded->file.hers.at[EXIT][i] += more;
    c = checked(rounded);
    ck_assert_uint_eq(c->founds, 1);
    ck_assert_uint_eq(c->found[0].forward, r.forward.wrong);
    ck_assert_uint_eq(c->explained.agree, PARTS);
}
END_TEST

/* fails if a single wrong tensor is excused as coarse arithmetic */
START_TEST(one_wrong_part_is_no_matter_of_precision)
{
    struct rules r = rules_of(false, 0, 0);
    struct check *wrong = filed("F32", &r, 8, 4);
    for (size_t i = 0; i < check_size(&wrong->file.hers, NEXT); i++)
        wrong->file.hers.at[NEXT][i] *= 1 + 1e-4;
    const struct check *c = checked(wrong);
    ck_assert_uint_eq(c->whole.verdict[0].agree, PARTS - 1);
    ck_assert(c->founds == 0 && c->rough == NULL);
    ck_assert(says("\nnot explained: next\n") && !says("likely"));
}
END_TEST

/* a trial of the list of those that are tried */
static struct trial tried(const char *saying)
{
    static struct trial list[TRIALS];
    size_t count = trials_known(list, &test_settings, true);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].saying, saying) == 0)
            return list[i];
    ck_abort_msg("%s is not tried", saying);
}

/* fails if an order of the three groups is missing, or has another's
   name */
START_TEST(every_other_order_of_groups_is_tried)
{
    static const char *const group[] = { "pre", "post", "res" };
    static const char order[5][4] = { "021", "102", "120", "201",
                                      "210" };
    for (size_t i = 0; i < 5; i++) {
        char saying[SAYING];
        snprintf(saying, sizeof saying, "the groups lie in the order "
                 "%s, %s, %s", group[order[i][0] - '0'],
                 group[order[i][1] - '0'], group[order[i][2] - '0']);
        const unsigned char *o =
            reference_orders[(size_t)tried(saying).value];
        for (size_t k = 0; k < 3; k++)
            ck_assert_int_eq(o[k], order[i][k] - '0');
    }
}
END_TEST

/* fails if a common number is missing, or is taken for one of half
   steps */
START_TEST(common_numbers_of_iterations_are_tried)
{
    static const char *const common[] = { "0", "1", "2", "3", "4", "5",
        "8", "10", "15", "30", "40", "50", "100" };
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        char saying[SAYING];
        snprintf(saying, sizeof saying, "%s iteration%s of Sinkhorn, "
                 "not 20", common[i], i == 1 ? "" : "s");
        ck_assert(tried(saying).value == 2 * atof(common[i]));
    }
    struct settings odd_steps = test_settings;
    struct trial list[TRIALS];
    odd_steps.iterations = 14;
    size_t halves = 0, count = trials_known(list, &odd_steps, true);
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].saying,
                   "7 iterations of Sinkhorn, not 14") == 0) {
            ck_assert(list[i].value == 14 && !list[i].quiet);
            halves++;
        }
    ck_assert_uint_eq(halves, 3);        /* both ways, and each */
}
END_TEST

/* fails if a round value is missing for the norm, for h_pre or for
   Sinkhorn */
START_TEST(every_round_epsilon_is_tried)
{
    static const char *const about[] = { "the norm's epsilon is %s",
        "what is added to h_pre is %s", "Sinkhorn's epsilon is %s" };
    static const char *const round[] = { "0", "1e-12", "1e-08", "1e-07",
        "1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.02", "0.05" };
    for (size_t i = 0; i < 33; i++) {
        char saying[SAYING];
        snprintf(saying, sizeof saying, about[i / 11], round[i % 11]);
        struct trial t = tried(saying);
        ck_assert(t.value == atof(round[i % 11]));
    }
}
END_TEST

static const struct { bool released; enum number at[3]; double value;
                      const char *saying; } odd[] = {
    { false, { NORM_EPSILON_AT, NORM_EPSILON_AT, NORM_EPSILON_AT },
      3e-4, "the norm's epsilon is about 0.0003\n" },
    { true, { PRE_EPSILON, START_EPSILON, DIVISOR_EPSILON }, 3e-5,
      "the epsilon of h_pre and Sinkhorn is about 3e-05\n" },
    { false, { HALF_STEPS, HALF_STEPS, HALF_STEPS }, 14,
      "7 iterations of Sinkhorn, not 20\n" },
    { true, { HALF_STEPS, HALF_STEPS, HALF_STEPS }, 9,
      "4.5 iterations of Sinkhorn, not 20\n" } };

/* fails if an epsilon is narrowed towards the wrong side, or a loop
   that stops in the middle is missed */
START_TEST(numbers_that_are_not_round_are_found)
{
    struct rules r = reference_rules(&test_settings, odd[_i].released);
    for (size_t i = 0; i < 3; i++)
        r.forward.number[odd[_i].at[i]] =
            r.backward.number[odd[_i].at[i]] = odd[_i].value;
    const struct check *c = checked(filed("F32", &r, 4, 4));
    ck_assert_uint_eq(c->explained.agree, PARTS);
    ck_assert(c->founds == 1 && says("likely mistake: "));
    ck_assert_msg(says(odd[_i].saying), "%s", report);
}
END_TEST

/* fails if spoilt numbers are put down to whatever comes nearest */
START_TEST(what_nobody_knows_is_not_explained)
{
    static const enum item spoilt[] = { H_RES, DPHI, DSTREAMS };
    for (size_t k = 0; k < 3; k++) {
        struct rules r = rules_of(k == 1, 0, 0);
        struct check *c = filed("F32", &r, 4, 4);
        double *x = c->file.hers.at[spoilt[k]];
        for (size_t i = 0; i < check_size(&c->file.hers, spoilt[k]);
             i++)
            x[i] *= 1 + .01 * (double)(i % 7);
        checked(c);
        ck_assert(says("no known mistake explains it\n"));
        ck_assert(!says("likely") && c->founds == 0 && !c->rough);
    }
}
END_TEST

/* fails if what is printed as explained counts what agreed from the
   start */
START_TEST(a_part_that_is_explained_is_counted)
{
    enum item spoilt = _i == 0 ? H_RES : DPHI;
    struct trial twice = tried("the factor 2 of h_post is missing");
    struct rules r = trial_rules(rules_of(false, 0, 0), &twice);
    struct check *c = filed("F32", &r, 4, 4);
    for (size_t i = 0; i < check_size(&c->file.hers, spoilt); i++)
        c->file.hers.at[spoilt][i] *= 1 + .01 * (double)(i % 7);
    checked(c);
    ck_assert(says("no known mistake explains it\nnearest: the factor"
                   " 2 of h_post is missing\n"));
    char line[64];
    snprintf(line, sizeof line, "it explains %zu of the %zu that did ",
             c->explained.agree - c->whole.verdict->agree,
             PARTS - c->whole.verdict->agree);
    ck_assert_uint_eq(c->explained.agree, PARTS - (_i == 0 ? 1 : 3));
    ck_assert(says(line) && says(_i == 0 ? "not explained: h_res\n"
              : "not explained: dphi.pre dphi.post dphi.res\n"));
}
END_TEST

/* fails if the search ends at two mistakes */
START_TEST(three_mistakes_of_a_published_port_are_named)
{
    static const enum mistake three[] = { SIGMOID_START, NO_FACTOR,
                                          TRANSPOSED };
    uint64_t all = 0;
    for (size_t i = 0; i < 3; i++)
        all |= MISTAKE(three[i]);
    struct rules r = rules_of(true, all, all);
    const struct check *c = checked(filed("F32", &r, 4, 4));
    uint64_t found = 0;
    for (size_t i = 0; i < c->founds; i++)
        found |= c->found[i].forward & c->found[i].backward;
    ck_assert(c->founds == 3 && found == all);
    ck_assert_uint_eq(c->explained.agree, PARTS);
}
END_TEST

/* fails if a file that is right by the other convention is searched for
   mistakes */
START_TEST(the_other_convention_is_no_mistake)
{
    for (int released = 0; released < 2; released++) {
        struct rules r = rules_of(released, 0, 0);
        struct check *c = filed("F32", &r, 4, 4);
        c->only = released ? ONLY_PAPER : ONLY_RELEASED;
        checked(c);
        ck_assert(says("\nno mistake is looked for: it agrees under the"
                       " other convention\n"));
        ck_assert(says(released ? "17 of 17 agree with DeepSeek"
                                : "17 of 17 agree with the paper"));
        ck_assert(!says("likely") && !says("no known"));
        ck_assert(c->founds == 0 && c->best == !released);
    }
}
END_TEST

/* fails if the first of several equal explanations is printed as the
   only one */
START_TEST(what_explains_it_as_well_is_a_rival)
{
    uint64_t transposed = MISTAKE(TRANSPOSED);
    const struct check *c = checked(only(DSTREAMS, transposed));
    ck_assert_uint_eq(c->whole.verdict[0].of, 1);
    ck_assert_uint_eq(c->explained.agree, 1);
    const struct trial *t = &c->found[0];
    ck_assert(t->forward == transposed && t->backward == transposed);
    ck_assert_uint_eq(c->rival_count, 1);
    t = &c->rivals[0];
    ck_assert(t->forward == 0 && t->backward == transposed);
    ck_assert(says("\nor, as likely: h_res is used transposed (backw"));
    ck_assert(says("\nwith it made, 1 of 1 agree with the paper's"));
    // Of more rivals five are named
    struct check more = *c;
    for (size_t rivals = 5; rivals < 8; rivals++) {
        size_t named = 0;
        more.rival_count = rivals;
        for (size_t i = 0; i < rivals; i++)
            more.rivals[i] = *t;
        print_report(&more);
        for (const char *at = report; at != NULL; named += at != NULL)
            at = strstr(at + 1, "\nor, as likely: ");
        ck_assert_uint_eq(named, 5);
        ck_assert(says("likely, 1 more ") == (rivals == 6));
        ck_assert(says("likely, 2 more ") == (rivals == 7));
    }
}
END_TEST

/* fails if differences are divided by the size of a tensor that is all
   zero */
START_TEST(a_gradient_of_nothing_agrees)
{
    struct rules r = rules_of(false, 0, 0);
    struct check *c = filed("F32", &r, 4, 4);
    struct boundary *b = &c->file.hers;
    for (size_t i = 0; i < check_size(b, DNEXT); i++)
        b->at[DNEXT][i] = 0;
    for (size_t i = 0; i < check_size(b, DINPUT); i++)
        b->at[DINPUT][i] = 0;
    make(b, &r);
    checked(c);
    ck_assert_uint_eq(c->whole.verdict[0].agree, PARTS);
    ck_assert(!says("cannot be judged") && c->founds == 0);
}
END_TEST
/* fails if a star, a count, or what could not be compared is printed
   wrongly or not at all */
START_TEST(a_verdict_is_printed_line_by_line)
{
    static const char *const lines[] = {
        "8 tokens, 4 streams of width 16, 20 iterations\nnorm_epsilon "
        "1e-06, sinkhorn_epsilon 1e-06 (as released only)\n\ntensor  ",
        "h_pre         F32    1.6e-06     5.5e-08      1.9e-06 *\n"
        "h_post        F32    9.7e-07     5.1e-08      5.1e-08  \n",
        "next          F32    6.3e-06         1.8 *    0.00015 *\n",
        "11 of 17 agree with the paper's form\n"
        "8 of 17 agree with DeepSeek-V4's released form\n"
        "likely mistake: h_res is used transposed\n"
        "with it made, 17 of 17 agree with the paper's form:\n"
        "it explains 6 of the 6 that did not\n" };
    uint64_t transposed = MISTAKE(TRANSPOSED);
    struct rules r = rules_of(false, transposed, transposed);
    checked(filed("F32", &r, 8, 4));
    for (size_t i = 0; i < 4; i++)
        ck_assert_msg(says(lines[i]), "%s is not in %s", lines[i],
                      report);
    size_t size = strlen(report), last = strlen(lines[3]);
    ck_assert_str_eq(report + size - last, lines[3]);
    struct check *few = filed("F32", &r, 8, 4);
    few->file.hers.at[DNEXT] = NULL;
    checked(few);
    ck_assert(says("\nnot compared, for want of answer, dnext or dinput"
                   ": dstreams dphi dalpha dbias danswer\n"));
    ck_assert(says("\nwith it made, 6 of 6 ") && !says("not given"));
    few = filed("F32", &r, 8, 4);
    few->file.hers.at[ANSWER] = NULL;
    checked(few);
    ck_assert(says("dnext or dinput: next exit dstreams"));
    ck_assert(says("\n4 of 4 agree with the paper's form\n"));
    checked(filed("F32", &r, 2, 2));
    ck_assert(says("2 tokens, 2 streams of width 16, 20 iterations\n"));
}
END_TEST
/* fails if F32 numbers that were calculated in bf16 are put down to a
   mistake */
START_TEST(coarse_arithmetic_is_recognised)
{
    struct roughness rough = { .between = 0x1p-8, .seed = 99 };
    for (int i = H_PRE; i < ITEMS; i++)
        rough.at[i] = 0x1p-8;
    struct rules r = rules_of(false, 0, 0);
    r.rough = &rough;
    struct check *c = filed("F32", &r, 8, 4), again = *c;
    checked(c);
    ck_assert_uint_lt(c->whole.verdict[0].agree, PARTS / 2);
    ck_assert(c->explained.agree < PARTS && c->rough != NULL);
    ck_assert_str_eq(c->rough, "bf16");
    ck_assert(says("\nor no mistake, but calculated in bf16 (--prec"));
    struct message m = { 0, "" };
    ck_assert(check_run(&again, "bf16", &m));
    ck_assert_uint_eq(again.whole.verdict[0].agree, PARTS);
    again.trials = 0;
    ck_assert(!check_run(&again, "f12", &m));
    ck_assert_int_eq(m.status, EX_USAGE);
}
END_TEST

/* five parts are as far off as coarse numbers are, five a little */
/* fails if errors far below a coarse type's rounding pass for it, since
   its tolerance is wide */
START_TEST(half_of_the_errors_must_look_rough)
{
    static const struct { enum item role; double by; } off[] = {
        { H_PRE, 1e-3 }, { H_POST, 1e-3 }, { H_RES, 1e-3 },
        { INPUT, 1e-3 }, { NEXT, 1e-3 }, { DSTREAMS, 1e-4 },
        { DANSWER, 1e-4 }, { DBIAS, 1e-4 }, { EXIT, 1e-4 } };
    for (size_t roles = 8; roles < 10; roles++) {
        struct rules r = rules_of(false, 0, 0);
        struct check *c = filed("F32", &r, 8, 4);
        for (size_t k = 0; k < roles; k++)
            for (size_t i = 0;
                 i < check_size(&c->file.hers, off[k].role); i++)
                c->file.hers.at[off[k].role][i] *= 1 + off[k].by;
        checked(c);
        ck_assert_uint_eq(c->whole.verdict[0].agree,
                          PARTS - 10 - (roles == 9));
        ck_assert((c->rough != NULL) == (roles == 8));
    }
}
END_TEST

/* a right file whose given numbers are changed before it is made */
static const struct { enum item role; double factor; const char *type;
                      bool released; } extremes[] = {
    { STREAMS, 1e150, "F64", false }, { STREAMS, 1e150, "F64", true },
    { STREAMS, 1e-20, "F32", false }, { BIAS, 500, "F32", false },
    { BIAS, 30, "F32", true }, { BIAS, 30, "F64", true },
    { DNEXT, 1e-6, "F16", false }, { DNEXT, 1e-6, "F16", true },
    { DNEXT, 1e-38, "F32", false } };

/* fails if a square overflows, a subnormal number counts as wrong, or
   an infinite trial spoils all */
START_TEST(right_files_with_extreme_numbers_agree)
{
    bool released = extremes[_i].released;
    struct rules r = rules_of(released, 0, 0);
    struct check *c = filed(extremes[_i].type, &r, 4, 4);
    struct boundary *b = &c->file.hers;
    enum item role = extremes[_i].role;
    for (size_t i = 0; i < check_size(b, role); i++)
        b->at[role][i] *= extremes[_i].factor;
    for (size_t i = 0; role == DNEXT && i < check_size(b, DINPUT); i++)
        b->at[DINPUT][i] *= extremes[_i].factor;
    test_store(c, extremes[_i].type);
    make(b, &r);
    test_store(c, extremes[_i].type);
    checked(c);
    ck_assert_msg(c->whole.verdict[released].agree == PARTS, "%s",
                  report);
}
END_TEST

/* fails if a gate that is zero in F32 must be what it is in double */
START_TEST(a_gate_that_underflows_agrees)
{
    struct rules r = rules_of(false, 0, 0);
    struct check *c = filed("F32", &r, 4, 4);
    struct boundary *b = &c->file.hers;
    b->at[ALPHA][0] = 1;
    for (size_t i = 0; i < 4; i++)
        b->at[BIAS][i] = -95;
    make(b, &r);
    static const enum item zero[] = { H_PRE, INPUT };
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < check_size(b, zero[k]); i++)
            b->at[zero[k]][i] = 0;
    for (size_t i = 0; i < 4; i++)
        b->at[DBIAS][i] = 0;
    for (size_t i = 0; i < 4 * 64; i++)
        b->at[DPHI][i] = 0;
    b->at[DALPHA][0] = 0;
    checked(c);
    ck_assert_msg(c->whole.verdict[0].agree == PARTS, "%s", report);
    ck_assert(says("\n~ cannot be judged in this precision"));
}
END_TEST

/* fails if eight draws alone set the tolerance of a number that is
   rounding and nothing else */
START_TEST(what_is_zero_by_theory_may_be_rounding)
{
    size_t T = 6, n = 4, C = 16;
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rules r = rules_of(false, 0, 0);
        struct check *c = filed("F32", &r, T, n);
        struct boundary *b = &c->file.hers;
        *b = test_boundary(T, n, C, seed);
        for (size_t i = 0; i < T * n * C; i++)
            b->at[STREAMS][i] = b->at[STREAMS][i / (n * C) * n * C
                                               + i % C];
        test_store(c, "F32");
        make(b, &r);
        double most = 0;
        for (size_t i = 0; i < T * n * n; i++)
            most = fmax(most, b->at[H_RES][i]);
        ck_assert(fabs(b->at[DALPHA][2]) < 1e-12);
        double sizes = 0x1p-24 * most * sqrt((double)T);
        b->at[DALPHA][2] = seed % 2 ? sizes : -sizes;
        test_store(c, "F32");
        checked(c);
        ck_assert_msg(c->whole.verdict[0].agree == PARTS, "%s", report);
        b->at[DALPHA][2] *= 1e4;
        if (seed == 1)
            ck_assert(checked(c)->whole.verdict[0].agree == PARTS - 1);
    }
}
END_TEST

/* fails if --precision is not obeyed, or one F32 tensor among F64 is
   overlooked */
START_TEST(what_lies_between_is_as_told_or_as_the_file)
{
    static const struct { const char *name; double u; } known[] = {
        { "f64", 0x1p-53 }, { "F32", 0x1p-24 }, { "tf32", 0x1p-11 },
        { "f16", 0x1p-11 }, { "bf16", 0x1p-8 }, { NULL, 0x1p-53 } };
    static const struct number_type single = { "F32", 4, NULL };
    static const enum item some[] = { STREAMS, BIAS, DANSWER };
    struct message m = { 0, "" };
    for (size_t i = 0; i < 6 + 3; i++) {
        struct rules r = reference_rules(&test_settings, false);
        struct check *c = filed("F64", &r, 1, 2);
        if (i >= 6)
            c->file.type[some[i - 6]] = &single;
        ck_assert(check_run(c, i < 6 ? known[i].name : NULL, &m));
        ck_assert(c->between->u == (i < 6 ? known[i].u : 0x1p-24));
    }
}
END_TEST
struct real_boundary {
    struct layout l;
    real *at[ITEMS], *coefficients;
};

static void give(struct real_boundary *b, struct check *c,
                 enum mix mix, size_t n, size_t T, size_t C)
{
    c->file.settings = test_settings;
    c->file.hers = test_boundary(T, n, C, 11 + n);
    test_store(c, sizeof(real) == 4 ? "F32" : "F64");
    b->l = layout_of(mix, n, C, 20);
    b->coefficients = test_reals(T * layout_row(&b->l));
    for (int i = 0; i < ITEMS; i++) {
        size_t count = check_size(&c->file.hers, (enum item)i);
        b->at[i] = test_reals(count);
        for (size_t k = 0; i < H_PRE && k < count; k++)
            b->at[i][k] = (real)c->file.hers.at[i][k];
    }
}

/* what the device makes of it, with alpha and coefficients to write
   with that may be false */
static void run_forward(struct real_boundary *b, size_t T,
                        const real *alpha, const real *writing,
                        real exit_scale)
{
    size_t n = b->l.streams, K = layout_row(&b->l);
    mixing_coefficients(b->coefficients, b->at[STREAMS], b->at[PHI],
                        alpha,
                    b->at[BIAS], &b->l, T);
    mixing_read(b->at[INPUT], b->at[STREAMS], b->coefficients, &b->l,
                T);
    mixing_write(b->at[NEXT], b->at[STREAMS], b->at[ANSWER],
             writing ? writing : b->coefficients, &b->l, T);
    mixing_collapse(b->at[EXIT], b->at[NEXT], exit_scale / (real)n,
                    &b->l,
                T);
    for (size_t t = 0; t < T; t++) {
        const real *row = b->coefficients + t * K;
        memcpy(b->at[H_PRE] + t * n, row, n * sizeof *row);
        memcpy(b->at[H_POST] + t * n, row + n, n * sizeof *row);
        for (size_t i = 0; i < n * n; i++)
            b->at[H_RES][t * n * n + i] = row[2 * n
                + (b->l.mix == MIX_SINKHORN ? i : i % n * n + i / n)];
    }
}
static void run_backward(struct real_boundary *b, size_t T)
{
    real *d = test_reals(T * layout_row(&b->l));
    mixing_write_backward(b->at[DSTREAMS], b->at[DANSWER], d,
                          b->at[DNEXT],
                      b->at[STREAMS], b->at[ANSWER], b->coefficients,
                      &b->l, T);
    mixing_read_backward(b->at[DSTREAMS], d, b->at[DINPUT],
                         b->at[STREAMS],
                     b->coefficients, &b->l, T);
    real *work = test_reals(mixing_work(&b->l));
    mixing_coefficients_backward(b->at[DSTREAMS], b->at[DPHI],
        b->at[DALPHA], b->at[DBIAS], d, work,
        b->at[STREAMS], b->coefficients, b->at[PHI], b->at[ALPHA],
        b->at[BIAS], &b->l, T);
}

static const struct check *look(struct check *c,
                                const struct real_boundary *b)
{
    for (int i = H_PRE; i < ITEMS; i++)
        for (size_t k = 0;
             k < check_size(&c->file.hers, (enum item)i); k++)
            c->file.hers.at[i][k] = (double)b->at[i][k];
    return checked(c);
}

/* fails if the program and the reference read the equations differently
   */
START_TEST(our_own_boundary_agrees)
{
    static const size_t streams[] = { 1, 2, 4, 8 };
    size_t n = streams[_i % 4], released = (size_t)_i / 4, T = 37;
    struct check c = { .trials = 0 };
    struct real_boundary b;
    give(&b, &c, released ? MIX_RELEASED : MIX_SINKHORN, n, T, 24);
    run_forward(&b, T, b.at[ALPHA], NULL, 1);
    run_backward(&b, T);
    look(&c, &b);
    ck_assert_uint_eq(c.whole.verdict[released].agree, PARTS);
}
END_TEST
/* fails if the program goes wrong at a token or a width that smaller
   files do not reach */
START_TEST(our_own_boundary_agrees_for_any_token)
{
    enum { T = 1031, N = 4, WIDE = 192 };
    struct check c = { .trials = 0 };
    struct real_boundary b;
    struct rules r = rules_of(_i == 1, 0, 0);
    give(&b, &c, _i == 1 ? MIX_RELEASED : MIX_SINKHORN, N, T, WIDE);
    make(&c.file.hers, &r);
    run_forward(&b, T, b.at[ALPHA], NULL, 1);
    run_backward(&b, T);
    for (int i = H_PRE; i < ITEMS; i++) {
        size_t count = check_size(&c.file.hers, (enum item)i);
        real *want = test_reals(count);
        for (size_t k = 0; k < count; k++)
            want[k] = (real)c.file.hers.at[i][k];
        ck_assert_msg(compare_arrays(stderr, check_names[i].name,
                                     b.at[i], want, &count, 1,
                                     1e4 * REAL_EPSILON),
                      "%s is not the reference's", check_names[i].name);
    }
}
END_TEST
/* fails if a bug of the forward pass alone is not found, or is said to
   be in both */
START_TEST(a_bug_in_our_own_boundary_is_named)
{
    static const enum mistake bugs[] = { NO_FACTOR, NO_ALPHA,
        TRANSPOSED, FIRST_TOKEN, EXIT_OTHER };
    enum { T = 20, N = 4 };
    enum mistake bug = bugs[_i];
    uint64_t wrong = MISTAKE(bug);
    if (bug == NO_ALPHA)
        wrong |= MISTAKE(NO_ALPHA + 1) | MISTAKE(NO_ALPHA + 2);
    struct check c = { .trials = 0 };
    struct real_boundary b, right;
    give(&b, &c, MIX_SINKHORN, N, T, 24);
    give(&right, &c, MIX_SINKHORN, N, T, 24);
    run_forward(&right, T, b.at[ALPHA], NULL, 1);
    size_t K = layout_row(&b.l);
    real *write = test_reals(T * K), ones[3] = { 1, 1, 1 };
    for (size_t i = 0; i < T * K; i++) {
        size_t t = i / K, k = i % K, at = k - 2 * N;
        bool mix = k >= 2 * N && k < 2 * N + N * N;
        size_t from = !mix ? i
            : bug == TRANSPOSED ? t * K + 2 * N + at % N * N + at / N
            : bug == FIRST_TOKEN ? k : i;
        write[i] = right.coefficients[from];
        if (bug == NO_FACTOR && k >= N && k < 2 * N)
            write[i] /= 2;
    }
    run_forward(&b, T, bug == NO_ALPHA ? ones : b.at[ALPHA],
                bug == NO_ALPHA ? NULL : write,
                bug == EXIT_OTHER ? N : 1);
    if (bug == NO_FACTOR)
        for (size_t i = 0; i < T * N; i++)
            b.at[H_POST][i] /= 2;
    right.at[DALPHA] = b.at[DALPHA];
    run_backward(&right, T);
    for (int i = DSTREAMS; i < ITEMS; i++)
        b.at[i] = right.at[i];
    look(&c, &b);
    ck_assert_uint_eq(c.founds, 1);
    ck_assert_uint_eq(c.found[0].forward, wrong);
    ck_assert_uint_eq(c.found[0].backward,
                      bug == EXIT_OTHER ? wrong : 0);
    ck_assert_uint_eq(c.explained.agree, PARTS);
}
END_TEST
#define F(name, shape, from, to) "'" name "':{'dtype':'F32','shape':[" \
    shape "],'data_offsets':[" from "," to "]}"
#define TYPED(name, type, from, to) "'" name "':{'dtype':'" type \
    "','shape':[" "1,2" "],'data_offsets':[" from "," to "]}"
#define REST F("phi", "8,2", "8", "72") "," \
    F("alpha", "3", "72", "84") "," F("bias", "8", "84", "116")
#define HEAD "{" F("streams", "1,2,1", "0", "8") "," REST
#define TURNED "{" F("streams", "1,2,1", "0", "8") "," \
    F("phi", "2,8", "8", "72") "," F("alpha", "3", "72", "84") "," \
    F("bias", "8", "84", "116")
#define TRACED "{" F("site.0.streams", "1,2,1", "0", "8") "," \
    F("sublayer.0.mhc.phi", "8,2", "8", "72") "," \
    F("sublayer.0.mhc.alpha", "3", "72", "84") "," \
    F("sublayer.0.mhc.bias", "8", "84", "116") "," \
    F("site.0.answer", "1,1", "116", "120") "," \
    F("site.1.streams", "1,2,1", "120", "128") "," \
    F("site.1.input", "1,1", "128", "132")

static const struct { const char *header; size_t bytes;
                      const char *reason; } files[] = {
    { HEAD "," F("h_pre", "1,2", "116", "124") "}", 124, NULL },
    { HEAD "," F("h_pre", "1,1,2,1", "116", "124") "}", 124, NULL },
    { HEAD "," F("h_res", "2,2", "116", "132") "}", 132, NULL },
    { TURNED "," F("h_pre", "1,2", "116", "124") "}", 124, NULL },
    { HEAD "," F("h_res", "4", "116", "132") "}", 132,
      "tensor h_res: its shape is [4], expected [1,2,2]" },
    { HEAD "," F("h_pre", "2,2", "116", "132") "}", 132,
      "tensor h_pre: its shape is [2,2], expected [1,2]" },
    { HEAD "," F("h_pre", "0", "116", "116") "}", 116,
      "tensor h_pre: its shape is [0], expected [1,2]" },
    { "{" F("streams", "1,2,1", "0", "8") "}", 8, "phi: it is m" },
    { "{" F("phi", "8,2", "0", "64") "}", 64, "streams: it is m" },
    { "{" F("streams", "2,1", "0", "8") "," REST "}", 116,
      "it has 2 dimensions" },
    { "{" F("streams", "1,0,1", "0", "0") "}", 0, "0 streams are" },
    { "{" F("streams", "1,9,1", "0", "36") "}", 36, "9 streams are" },
    { "{" F("streams", "0,2,1", "0", "0") "}", 0, "it has no elem" },
    { HEAD ",'__metadata__':{'iterations':'0'}}", 116,
      "metadata iterations: 0 is no number from 1 to 100" },
    { HEAD ",'__metadata__':{'iterations':'2O'}}", 116, "2O is no" },
    { HEAD ",'__metadata__':{'norm_epsilon':'-1'}}", 116, "-1 is" },
    { HEAD ",'__metadata__':{'iterations':'20.5'}}", 116,
      "metadata iterations: 20.5 is not whole" },
    { HEAD "," TYPED("ids", "I64", "116", "132") "}", 132, NULL },
    { HEAD "," TYPED("mask", "BOOL", "116", "118") "}", 118, NULL },
    { HEAD "," TYPED("h_pre", "I32", "116", "124") "}", 124,
      "h_pre: dtype I32 is not one of F64, F32, BF16, F16" },
    { "{" F("streams", "1,2,1", "0", "8") "," F("fhi", "8,2", "8", "72")
      "}", 72, "phi: it is missing; is fhi meant?" },
    { "{" F("Streams", "1,2,1", "0", "8") "}", 8,
      "streams: it is missing; is Streams meant?" },
    { TRACED ",'__metadata__':{'connection':'hc'}}", 132,
      "x.st: it is a trace of the kind hc, and only" },
};
enum { FILES = sizeof files / sizeof *files };

/* fails if a shape with as many elements passes for the right one, or a
   letter O for a digit */
START_TEST(a_check_file_is_read_or_refused)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    struct image image = image_of(files[_i].header, files[_i].bytes);
    memset(image.bytes + image.size - files[_i].bytes, 0,
           files[_i].bytes);
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    bool good = check_read(&f, &s, SIZE_MAX, &m);
    ck_assert_msg(good == (files[_i].reason == NULL), "%s", m.text);
    if (good)
        check_close(&f);
    else {
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert_msg(strstr(m.text, files[_i].reason), "%s", m.text);
    }
    safetensors_close(&s);
}
END_TEST
static const struct { const char *header; size_t bytes;
                      const char *notices; } remarks[] = {
    { HEAD "," F("h_psot", "1,2", "116", "124") "}", 124,
      "tensor h_psot is left alone: is h_post meant?\n" },
    { HEAD "," F("H_pre", "1,2", "116", "124") "}", 124,
      "tensor H_pre is left alone: is h_pre meant?\n" },
    { HEAD "," TYPED("tokens", "I32", "116", "124") "}", 124,
      "tensor tokens is left alone\n" },
    { HEAD "," F("alfa", "1,2", "116", "124") "}", 124,
      "tensor alfa is left alone: is alpha meant?\n" },
    { HEAD "," F("bias_of_the_coefficients_of_mine", "1,2", "116",
                 "124") "}", 124, "tensor "
      "bias_of_the_coefficients_of_mine is left alone\n" },
    { HEAD ",'__metadata__':{'iteration':'5','format':'pt'}}", 116,
      "metadata iteration is left alone: is iterations meant?\n" },
    { HEAD ",'__metadata__':{'norm_eps':'1','note':'x'}}", 116,
      "metadata norm_eps is left alone: is norm_epsilon meant?\n"
      "metadata note is left alone\n" },
    { HEAD ",'__metadata__':{'iterations':'5','norm_epsilon':'0',"
      "'sinkhorn_epsilon':'0'}}", 116, "" },
    { "{" F("streams", "1,1,3", "0", "12") ","
      F("phi", "3,3", "12", "48") "," F("alpha", "3", "48", "60") ","
      F("bias", "3", "60", "72") "}", 72, "phi is square: it is read "
      "as [K, nC], one row for each coefficient\n" } };

/* fails if a misspelt name is passed over in silence */
START_TEST(what_is_left_alone_is_said)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    size_t bytes = remarks[_i].bytes;
    struct image image = image_of(remarks[_i].header, bytes);
    memset(image.bytes + image.size - bytes, 0, bytes);
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    ck_assert_msg(check_read(&f, &s, SIZE_MAX, &m), "%s", m.text);
    ck_assert_str_eq(f.notices, remarks[_i].notices);
    check_close(&f);
    safetensors_close(&s);
}
END_TEST

static size_t times, calculations;

static void count_progress(size_t done, size_t jobs)
{
    times++;
    ck_assert(done == times && jobs >= done);
    calculations = jobs;
}

/* fails if a calculation is counted twice, or begun before it is
   announced */
START_TEST(a_check_says_how_far_it_is)
{
    struct rules r = rules_of(false, 0, 0);
    struct check *c = filed("F32", &r, 16, 4);
    c->progress = count_progress;
    c->file.hers.at[NEXT][17] += .1;
    checked(c);
    ck_assert(times == calculations && times > 100);
}
END_TEST

/* fails if what explains a few tokens is not tried on all of them, or
   the telling token is not among them */
START_TEST(a_few_tokens_are_enough_to_find_a_mistake)
{
    static const char *const mistakes[] = { "h_res is used transposed",
        "token 0's h_res mixes the streams of all tokens",
        "dstreams lacks what comes back through the mix",
        "5 iterations of Sinkhorn, not 20",
        "the norm's epsilon is 0.001" };
    struct trial t = tried(mistakes[_i]);
    for (int released = 0; released < 2; released++) {
        struct rules r = trial_rules(rules_of(released, 0, 0), &t);
        const struct check *c = checked(filed("F32", &r, 50, 4));
        ck_assert_uint_eq(c->explained.agree, PARTS);
        ck_assert(c->founds == 1 && says("likely mistake: "));
        ck_assert_msg(says(mistakes[_i]), "%s", report);
    }
    // Let one token, somewhere, show a mistake
    struct rules r = trial_rules(rules_of(false, 0, 0), &t);
    struct check *one = filed("F32", &r, 50, 4);
    struct boundary *b = &one->file.hers;
    for (size_t i = 0; i < check_size(b, STREAMS) && _i == 4; i++)
        b->at[STREAMS][i] *= i / 64 == 37 ? 1 : 1e3;
    make(b, &r);
    test_store(one, "F32");
    checked(one);
    ck_assert_msg(says(mistakes[_i]) && says("likely mistake: "), "%s",
                  report);
    r = rules_of(false, 0, 0);
    struct check *late = filed("F32", &r, 50, 4);
    for (size_t i = 0; i < 16; i++)
        late->file.hers.at[EXIT][(20 + (size_t)_i) * 16 + i] *= 4;
    ck_assert(checked(late)->founds == 0 && says("no known mistake"));
}
END_TEST

/* fails if a NaN or a logit that overflows is compared, and agrees with
   nothing or with all */
START_TEST(what_is_not_finite_is_refused)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    struct image image = image_of(files[0].header, files[0].bytes);
    unsigned char *data = image.bytes + image.size - files[0].bytes;
    const float bad[] = { INFINITY, -INFINITY, NAN };
    memset(data, 0, files[0].bytes);
    memcpy(data + 4 * (size_t)(_i / 3 * 7), &bad[_i % 3], 4);
    ck_assert(image_open(&s, image, &m));
    ck_assert(!check_read(&f, &s, SIZE_MAX, &m));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert_msg(strstr(m.text, "element"), "%s", m.text);
    safetensors_close(&s);
    struct check c = { .file.settings = test_settings,
                       .file.hers = test_boundary(2, 2, 4, 1) };
    c.file.hers.at[PHI][3] = c.file.hers.at[ALPHA][0] = 1e200;
    m.status = 0;
    ck_assert(!check_run(&c, NULL, &m) && m.status == EX_DATAERR);
    ck_assert_msg(strstr(m.text, "logit 0 is"), "%s", m.text);
}
END_TEST

/* fails if a calculation that got no memory leaves zeros in the verdict
   */
START_TEST(without_memory_there_is_no_verdict)
{
    for (int wrong = 0; wrong < 2; wrong++) {
        struct message m = { 0, "" };
        struct check filled = { .file.settings = test_settings,
            .file.hers = test_boundary(1, 2, 2, 3) };
        struct rules r = reference_rules(&test_settings, false);
        make(&filled.file.hers, &r);
        filled.file.hers.at[NEXT][0] += wrong;
        struct check whole = filled;
        ck_assert(check_run(&whole, NULL, &m));
        omp_set_num_threads(1);
        bool good = false;
        for (size_t allowed = 0; !good; allowed += 1 + allowed / 3) {
            struct check c = filled;
            m = (struct message){ 0, "" };
            memory_allow(allowed);
            good = check_run(&c, NULL, &m);
            memory_allow(SIZE_MAX);
            ck_assert_int_eq(m.status, good ? 0 : EX_OSERR);
            ck_assert(!good || (c.alias == whole.alias
                                && c.founds == whole.founds));
        }
    }
}
END_TEST

/* fails if phi of the paper's shape is read as it lies, not turned */
START_TEST(phi_is_read_either_way)
{
    for (int turned = 0; turned < 2; turned++) {
        struct message m = { 0, "" };
        struct safetensors s;
        struct check_file f;
        struct image image = image_of(turned ? TURNED "}" : HEAD "}",
                                      116);
        unsigned char *data = image.bytes + image.size - 116;
        memset(data, 0, 116);
        for (size_t i = 0; i < 16; i++) {
            float x = (float)(turned ? i % 8 * 2 + i / 8 : i);
            memcpy(data + 8 + 4 * i, &x, 4);
        }
        ck_assert(image_open(&s, image, &m));
        ck_assert(check_read(&f, &s, SIZE_MAX, &m));
        for (size_t i = 0; i < 16; i++)
            ck_assert(f.hers.at[PHI][i] == (double)i);
        check_close(&f);
        safetensors_close(&s);
    }
}
END_TEST

/* fails if next is taken from the site itself and not from the
   following one, or exit from one in between */
START_TEST(a_trace_is_read_by_its_own_names)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    bool last = _i == 0;
    double *const *at = f.hers.at;
    struct image image = image_of(last ? TRACED "}" : TRACED ","
        F("site.1.answer", "1,1", "132", "136") "}", last ? 132 : 136);
    for (size_t i = 0; i < (last ? 33 : 34); i++) {
        float x = (float)i;
        memcpy(image.bytes + image.size - (last ? 132 : 136) + 4 * i,
               &x, 4);
    }
    ck_assert(image_open(&s, image, &m));
    ck_assert_msg(check_read(&f, &s, 0, &m), "%s", m.text);
    ck_assert(at[STREAMS][0] == 0 && at[PHI][0] == 2);
    ck_assert(at[BIAS][7] == 28 && at[ANSWER][0] == 29);
    ck_assert(at[NEXT][0] == 30 && at[INPUT] == NULL);
    ck_assert(last ? at[EXIT][0] == 32 : at[EXIT] == NULL);
    check_close(&f);
    ck_assert(!check_read(&f, &s, SIZE_MAX, &m));
    const char *hint = last ? "--site, 0 to 0" : "--site, 0 to 1";
    ck_assert_msg(strstr(m.text, hint), "%s", m.text);
    safetensors_close(&s);
}
END_TEST

/* fails if a subnormal F16, an infinity or a NaN is converted like a
   normal number */
START_TEST(halves_are_converted)
{
    static const struct { unsigned char b[2]; double x; } want[] = {
        {{0, 0x3c}, 1}, {{1, 0x3c}, 1 + 0x1p-10}, {{0, 0xc0}, -2},
        {{0xff, 0x7b}, 65504}, {{1, 0}, 0x1p-24}, {{0, 4}, 0x1p-14},
        {{0xff, 0x83}, -1023 * 0x1p-24}, {{0, 0x80}, 0},
        {{0, 0x7c}, INFINITY}, {{0, 0xfc}, -INFINITY} };
    struct message m = { 0, "" };
    struct safetensors s;
    struct image image = image_of("{'a':{'dtype':'F16','shape':[1],"
                                  "'data_offsets':[0,2]}}", 2);
    ck_assert(image_open(&s, image, &m));
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        ck_assert(s.list[0].type->number(want[i].b) == want[i].x);
    const unsigned char nan[] = { 1, 0x7c };
    ck_assert(isnan(s.list[0].type->number(nan)));
    safetensors_close(&s);
}
END_TEST
static struct configuration small(const struct connection *k)
{
    struct configuration c = configuration_default();
    c.layers = 2;
    c.width = 12;
    c.heads = 2;
    c.context = 6;
    c.vocabulary = 11;
    c.streams = k->most_streams < 4 ? k->most_streams : 4;
    snprintf(c.connection, sizeof c.connection, "%s", k->name);
    return c;
}

static size_t count_of(const struct tensor *t)
{
    size_t count = 1;
    for (size_t d = 0; d < t->rank; d++)
        count *= t->shape[d];
    return count;
}

static const real *traced(const struct trace *t, const char *name)
{
    const struct tensor *found = trace_find(t, name);
    ck_assert_msg(found != NULL, "%s is missing", name);
    return found->data;
}

/* fails if a model that is watched computes something else, or a name
   stands for another array */
START_TEST(looking_changes_nothing)
{
    enum { B = 2, T = 12 };
    token id[T + 1];
    struct message m = { 0, "" };
    const struct connection *k = connections[0];
    for (int i = 0; k != NULL && i < _i; i++)
        k = connections[i + 1];
    if (k == NULL)
        return;
    struct configuration c = small(k);
    struct architecture a;
    struct model one, two;
    struct trace t;
    for (size_t i = 0; i <= T; i++)
        id[i] = (token)(i * i % 11);
    ck_assert(architecture_find(&a, &c, &m));
    ck_assert(model_open(&one, &c, &cpu, B, TRAINING, 0, &m));
    ck_assert(model_plan(&two, &a, &c, &cpu, B, TRAINING, 0, &m));
    ck_assert(model_allocate(&two, &m));
    two.apart = true;
    size_t count = one.parameters.count;
    fill_normal(reals(one.weights), count, 5, .3);
    memcpy(reals(two.weights), reals(one.weights),
           count * sizeof(real));
    model_forward(&one, id, id + 1);
    double loss = model_loss(&one);
    model_backward(&one, 1);
    ck_assert_msg(trace_batch(&t, &two, id, id + 1, &m), "%s", m.text);
    assert_close(reals(two.gradients), reals(one.gradients), count,
                 1e-4);
    ck_assert(traced(&t, "loss")[0] == (real)loss);
    memcpy(reals(one.gradients), reals(two.gradients),
           count * sizeof(real));
    memset(reals(two.gradients), 0, count * sizeof(real));
    two.watch.forward = two.watch.backward = NULL;
    model_forward(&two, id, id + 1);
    model_backward(&two, 1);
    assert_same(reals(two.gradients), reals(one.gradients), count);
    // Look into the trace
    for (size_t i = 0; i < t.used; i++)
        for (size_t e = 0; e < count_of(&t.list[i]); e++)
            ck_assert_msg(isfinite(t.list[i].data[e]), "%s",
                          t.list[i].name);
    const struct parameter *p = &one.parameters.list[3];
    char name[TENSOR_NAME];
    snprintf(name, sizeof name, "d.%s", p->name);
    assert_same(traced(&t, name), reals(one.gradients) + p->offset,
                p->count);
    ck_assert(traced(&t, "tokens")[7] == (real)id[7]);
    ck_assert(traced(&t, "targets")[7] == (real)id[8]);
    ck_assert(traced(&t, "targets")[0] == (real)id[1]);
    traced(&t, "site.0.attention.qkv");
    traced(&t, "site.2.attention.mixed");
    traced(&t, "site.3.feedforward.gate_up");
    traced(&t, "site.3.danswer");
    ck_assert(trace_find(&t, "site.4.answer") == NULL);
    ck_assert((trace_find(&t, "site.3.h_res") != NULL)
              == (k->mix != MIX_NONE));
    if (k->mix != MIX_NONE) {
        // Look at the coefficients of a sublayer
        const real *x = traced(&t, "site.3.streams");
        const real *d = traced(&t, "site.4.dstreams");
        struct layout l = layout_of(k->mix, c.streams, c.width, c.iterations);
        for (size_t i = 0; i < T * c.width; i++) {
            size_t row = i / c.width * c.streams;
            double read = 0, back = 0;
            for (size_t j = 0; j < c.streams; j++) {
                size_t at = (row + j) * c.width + i % c.width;
                read += (double)(traced(&t, "site.3.h_pre")[row + j] * x[at]);
                back += (double)(traced(&t, "site.3.h_post")[row + j] * d[at]);
            }
            ck_assert_double_eq_tol((double)traced(&t, "site.3.input")[i], read,
                                    1e-4);
            ck_assert_double_eq_tol((double)traced(&t, "site.3.danswer")[i],
                                    back, 1e-4);
        }
        ck_assert((trace_find(&t, "site.3.raw") != NULL) == (l.parts > 0));
    }
    bool sum_leaves = k->mix == MIX_NONE || !k->mean;
    double scale = sum_leaves ? 1 : 1 / (double)c.streams;
    for (size_t i = 0; i < T * c.width; i++) {
        const real *x = traced(&t, "site.4.streams");
        double sum = 0;
        for (size_t j = 0; j < c.streams; j++)
            sum += (double)x[(i / c.width * c.streams + j) * c.width
                             + i % c.width];
        ck_assert_double_eq_tol((double)traced(&t, "site.4.input")[i],
                                scale * sum, 1e-4);
    }
    trace_close(&t);
    model_close(&one);
    model_close(&two);
}
END_TEST
#include "ground/blocks.h"

enum slip { NO_SLIP, ROOM, CUTS, OTHER_BLOCK, TWICE, ROUNDED_DOWN,
            THREE_STEPS, SLIPS };
static const struct number_type eight_types[] = {
    { "F8_E4M3", 1, NULL }, { "F8_E5M2", 1, NULL } };
static const struct fp8_format *const formats[] = { &FP8_E4M3,
                                                    &FP8_E5M2 };

/* codes and exponents are changed as a wrong program has them */
static void spoil(fp8 *q, int8_t *exponent, const real *x, size_t rows,
                  size_t columns, struct fp8_format k, enum slip slip)
{
    const struct fp8_blocks b = { 1, 128 };
    size_t blocks = fp8_scales(rows, columns, b), large = 0;
    int8_t first = exponent[0];
    for (size_t i = 0; slip == CUTS && i < rows * columns; i++) {
        int e = exponent[i / columns * blocks / rows
                         + i % columns / 128];
        fp8 size = q[i] & 0x7f;
        float got = ldexpf(fp8_widen(size, k), e);
        q[i] = (fp8)(q[i] - (got > fabsf((float)x[i])));
    }
    for (size_t i = 0; i < blocks; i++) {
        large = exponent[i] > exponent[large] ? i : large;
        if (slip == OTHER_BLOCK)
            exponent[i] = i + 1 < blocks ? exponent[i + 1] : first;
        exponent[i] = (int8_t)(exponent[i] + (slip == TWICE));
    }
    size_t wide = blocks / rows;
    size_t at = large / wide * columns + large % wide * 128;
    while (slip == THREE_STEPS && (q[at] & 0x7f) >= 1 << k.fraction)
        at++;
    q[at] = (fp8)(q[at] + 3 * (slip == THREE_STEPS));
}

static void keep_eight(struct check *c, enum item role, int format,
                       bool in_file, enum slip slip)
{
    const struct boundary *b = &c->file.hers;
    const struct fp8_blocks blocks = { 1, 128 };
    struct fp8_format k = *formats[format];
    size_t count = check_size(b, role), C = b->width, rows = count / C;
    size_t scales = fp8_scales(rows, C, blocks);
    real *x = test_reals(count);
    fp8 *q = (fp8 *)test_reals(count);
    int8_t *exponent = (int8_t *)test_reals(scales);
    for (size_t i = 0; i < count; i++)
        x[i] = (real)b->at[role][i];
    fp8_store(q, exponent, x, rows, C, blocks, k, NULL);
    int more = slip == ROUNDED_DOWN ? -1 : slip == ROOM ? 8 : 0;
    for (size_t i = 0; i < scales; i++)
        exponent[i] = (int8_t)(exponent[i] + more);
    for (size_t i = 0; i < count; i++) {
        int e = exponent[i / C * (scales / rows) + i % C / 128];
        q[i] = fp8_round((float)x[i] * ldexpf(1, -e), k);
    }
    spoil(q, exponent, x, rows, C, k, slip);
    fp8_load(x, q, exponent, rows, C, blocks, k);
    for (size_t i = 0; i < count; i++)
        b->at[role][i] = (double)x[i];
    for (size_t i = 0; in_file && i < scales; i++)
        c->file.scale[role] = fmax(c->file.scale[role],
                                   ldexp(1, exponent[i]));
    if (in_file)
        c->file.type[role] = &eight_types[format];
}

/* what is made by rules r, of numbers of forty sizes, in eight bits:
   as the file says, or as --precision does */
static struct check *filed_eight(const struct rules *r, int format,
                                 bool in_file, enum slip in_next)
{
    enum { T = 3, N = 3, WIDE = 136 };
    static const enum item given[] = { STREAMS, ANSWER, DNEXT, DINPUT };
    static const enum item made[] = { INPUT, NEXT, EXIT, DSTREAMS,
                                      DANSWER };
    static struct check c;
    c = (struct check){ .file.settings = test_settings,
        .file.hers = test_boundary(T, N, WIDE, 3) };
    for (size_t k = 0; k < 4; k++)
        for (size_t i = 0; i < check_size(&c.file.hers, given[k]); i++)
            c.file.hers.at[given[k]][i] *= exp2(-(double)(i % WIDE
                                                          % 40));
    test_store(&c, in_file ? "F32" : "F64");
    make(&c.file.hers, r);
    test_store(&c, in_file ? "F32" : "F64");
    for (size_t k = 0; k < 5; k++)
        keep_eight(&c, made[k], format, in_file,
                   made[k] == NEXT ? in_next : NO_SLIP);
    return &c;
}

/* nothing that is made is given but next: a search is short then */
static struct check *next_only(struct check *c)
{
    c->file.hers.at[DNEXT] = NULL;
    for (int i = H_PRE; i < ITEMS; i++)
        if (i != NEXT)
            c->file.hers.at[i] = NULL, c->file.type[i] = NULL;
    return c;
}

static const struct check *checked_eight(struct check *c, int format,
                                         bool in_file)
{
    struct message m = { 0, "" };
    const char *precision = format == 0 ? "e4m3" : "E5M2";
    ck_assert_msg(check_run(c, in_file ? NULL : precision, &m), "%s",
                  m.text);
    ck_assert(c->between->u == (in_file ? 0x1p-24 : 0x1p-53));
    print_report(c);
    return c;
}

/* fails if a rounding counts, or the steps of what is subnormal are
   taken to be smaller */
START_TEST(what_is_right_in_eight_bits_agrees)
{
    int format = _i % 2;
    bool in_file = _i / 2 % 2, released = _i / 4;
    struct rules r = rules_of(released, 0, 0);
    const struct check *c = checked_eight(filed_eight(&r, format,
        in_file, in_file ? ROOM : NO_SLIP), format, in_file);
    const struct verdict *v = c->whole.verdict;
    ck_assert_msg(v[released].agree == PARTS, "%s", report);
    ck_assert_uint_le(v[!released].agree, PARTS - 5);
    ck_assert(says("what a rounding to eight bits explains is not"));
    ck_assert(says(format == 0 ? "  E4M3 " : "  E5M2 ") == in_file);
    if (in_file)
        return;
    c = checked(next_only(filed_eight(&r, format, false, NO_SLIP)));
    ck_assert_uint_eq(c->whole.verdict[released].agree, 0);
    ck_assert(!says("what a rounding to eight bits"));
}
END_TEST

/* fails if a tolerance of eight bits hides what is wrong in them */
START_TEST(slips_of_eight_bits_are_seen)
{
    int format = _i % 2;
    bool in_file = _i / 2 % 2;
    enum slip slip = (enum slip)(CUTS + _i / 4);
    struct rules r = rules_of(false, 0, 0);
    /* E5M2's smallest are smaller than the rounding of F32 */
    if (slip == THREE_STEPS && format == 1 && in_file)
        return;
    struct check *c = next_only(filed_eight(&r, format, in_file, slip));
    checked_eight(c, format, in_file);
    ck_assert_uint_eq(c->whole.verdict[0].of, 1);
    ck_assert_msg(c->whole.verdict[0].agree == 0, "%s", report);
    c = next_only(filed_eight(&r, format, in_file, NO_SLIP));
    checked_eight(c, format, in_file);
    ck_assert_uint_eq(c->whole.verdict[0].agree, 1);
}
END_TEST

/* fails if eight bits hide a mistake, or make another of it */
START_TEST(mistakes_are_named_in_eight_bits)
{
    static const enum mistake some[] = { TRANSPOSED, NO_FACTOR,
        MIX_DROPPED, POST_FORGOTTEN, READ_CUT, SINKHORN_CUT,
        EXIT_FIRST };
    int format = _i % 2;
    bool in_file = _i / 2 % 2;
    uint64_t back = MISTAKE(some[_i / 4]);
    bool only_back = some[_i / 4] >= SINKHORN_CUT;
    struct rules r = rules_of(false, only_back ? 0 : back, back);
    const struct check *c = checked_eight(filed_eight(&r, format,
        in_file, NO_SLIP), format, in_file);
    ck_assert_msg(c->founds == 1 && c->found[0].backward == back
                  && c->found[0].forward == r.forward.wrong
                  && c->explained.agree == PARTS, "%s", report);
}
END_TEST

/* fails if bf16 in a file with --precision e4m3 does not mean that it
   calculates in bf16, or a second check keeps the first one's */
START_TEST(what_lies_between_eight_bits_is_the_files)
{
    struct message m = { 0, "" };
    struct rules r = rules_of(false, 0, 0);
    struct check *c = filed("BF16", &r, 1, 2);
    ck_assert(check_run(c, "e4m3", &m));
    ck_assert(c->between->u == 0x1p-8 && c->kept->u == 0x1p-4);
    ck_assert(check_run(c, "F8_E5M2", &m));
    ck_assert(c->between->u == 0x1p-8 && c->kept->u == 0x1p-3);
    ck_assert(check_run(c, NULL, &m) && c->kept == NULL);
    ck_assert(!check_run(c, "e3m4", &m));
    ck_assert_ptr_nonnull(strstr(m.text, "f16, bf16, e4m3, e5m2"));
}
END_TEST
static const struct check *checked_trace(uint64_t forward,
                                         uint64_t backward,
                                         const char *precision)
{
    struct rules r = rules_of(false, forward, backward);
    struct check *c = filed("F32", &r, 8, 4);
    for (int i = DNEXT; i < ITEMS; i++) {
        const char *shape = check_names[i].shape;
        bool wide = shape[strlen(shape) - 1] == 'C';
        size_t count = wide ? check_size(&c->file.hers, i) : 0;
        double *x = c->file.hers.at[i];
        for (size_t k = 0; k < count; k++) {
            int exponent;
            double share = frexp(x[k], &exponent);
            x[k] = ldexp(rint(share * 256), exponent - 8);
        }
    }
    snprintf(c->file.precision, sizeof c->file.precision, "%s",
             precision);
    return checked(c);
}

/* fails if a trace's roundings are mistakes, or hide one */
START_TEST(a_trace_is_judged_as_it_was_made)
{
    static const enum mistake some[] = { TRANSPOSED, NO_FACTOR,
        MIX_DROPPED, POST_FORGOTTEN, MIX_CUT, EXIT_FIRST };
    const struct check *c = checked_trace(0, 0, "bf16");
    ck_assert_msg(c->whole.verdict[0].agree == PARTS, "%s", report);
    ck_assert(says("what a rounding to bf16 explains is not counted"));
    c = checked_trace(0, 0, "fp8-streams-mean");
    ck_assert_msg(c->whole.verdict[0].agree == PARTS, "%s", report);
    ck_assert(says("what a rounding to bf16 or E4M3 explains is not"));
    c = checked_trace(0, 0, "single");
    ck_assert_uint_lt(c->whole.verdict[0].agree, PARTS - 5);
    c = checked_trace(0, 0, "");
    ck_assert_uint_lt(c->whole.verdict[0].agree, PARTS - 5);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        uint64_t back = MISTAKE(some[i]);
        uint64_t forward = some[i] == MIX_CUT
                        || some[i] == POST_FORGOTTEN ? 0 : back;
        c = checked_trace(forward, back, "bf16");
        ck_assert_msg(c->founds == 1 && c->found[0].backward == back
                      && c->found[0].forward == forward, "%zu: %s", i,
                      report);
    }
}
END_TEST
#define E(name, type, shape, from, to) "'" name "':{'dtype':'" type \
    "','shape':[" shape "],'data_offsets':[" from "," to "]}"
#define CODED(shape) "{" F("streams", "1,2,1", "0", "8") "," \
    F("alpha", "3", "8", "20") "," F("bias", "8", "20", "52") "," \
    E("phi", "F8_E4M3", shape, "52", "68")
#define SCALED(shape, to) CODED("8,2") "," \
    F("phi_scale_inv", shape, "68", to) "}"

static const struct { const char *header; size_t scales, row, column;
                      float spoilt; const char *reason; } scaled[] = {
    { SCALED("8,2", "132"), 16, 2, 1, 0, NULL },
    { SCALED("8,1", "100"), 8, 1, 0, 0, NULL },
    { SCALED("1,2", "76"), 2, 0, 1, 0, NULL },
    { SCALED("1,1", "72"), 1, 0, 0, 0, NULL },
    { SCALED("", "72"), 1, 0, 0, 0, NULL },
    { CODED("2,8") "," F("phi_scale", "1,8", "68", "100") "}", 8, 1, 0,
      0, NULL },
    { CODED("2,8") "," F("phi_scale", "2,1", "68", "76") "}", 2, 0, 1,
      0, NULL },
    { CODED("8,2") "}", 0, 0, 0, 0,
      "tensor phi: it has no scales, _scale_inv or _scale" },
    { SCALED("8", "100"), 8, 0, 0, 0,
      "phi_scale_inv: type or shape is not that of scales for phi" },
    { SCALED("2,8", "132"), 16, 0, 0, 0, "is not that of scales" },
    { SCALED("4,2", "100"), 8, 0, 0, 0, "is not that of scales" },
    { SCALED("0,2", "68"), 0, 0, 0, 0, "is not that of scales" },
    { CODED("8,2") "," E("phi_scale", "I32", "8,1", "68", "100") "}", 8,
      0, 0, 0, "tensor phi_scale: type or shape" },
    { SCALED("1,2", "76"), 2, 0, 0, -1,
      "tensor phi_scale_inv: scale 1 is -1" },
    { SCALED("1,2", "76"), 2, 0, 0, -0.f, "scale 1 is -0" },
    { SCALED("8,1", "100"), 8, 0, 0, INFINITY, "scale 1 is inf" },
    { SCALED("8,1", "100"), 8, 0, 0, NAN, "scale 1 is " },
};

/* fails if a scale is another's, a bad one passes, or one that is not a
   power of two is not mentioned */
START_TEST(codes_are_multiplied_by_their_scales)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    size_t scales = scaled[_i].scales, bytes = 68 + 4 * scales;
    struct image image = image_of(scaled[_i].header, bytes);
    unsigned char *data = image.bytes + image.size - bytes;
    bool turned = strstr(scaled[_i].header, "[2,8],'data_offsets':[52");
    memset(data, 0, bytes);
    for (size_t i = 0; i < 16; i++)
        data[52 + i] = (unsigned char)(turned ? i % 8 * 2 + i / 8 + 8
                                              : i + 8);
    for (size_t i = 0; i < scales; i++) {
        float scale = i == 0 ? .5f : (float)i;
        if (i == 1 && scaled[_i].reason != NULL)
            scale = scaled[_i].spoilt;
        memcpy(data + 68 + 4 * i, &scale, 4);
    }
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    bool good = check_read(&f, &s, SIZE_MAX, &m);
    ck_assert_msg(good == (scaled[_i].reason == NULL), "%s", m.text);
    if (!good)
        ck_assert_msg(strstr(m.text, scaled[_i].reason), "%s", m.text);
    for (size_t i = 0; good && i < 16; i++) {
        size_t of = i / 2 * scaled[_i].row + i % 2 * scaled[_i].column;
        double size = (double)fp8_widen((fp8)(i + 8), FP8_E4M3);
        ck_assert(f.hers.at[PHI][i]
                  == size * (of == 0 ? .5 : (double)of));
    }
    if (good) {
        ck_assert(f.odd[PHI] == (scales > 3));
        ck_assert_str_eq(f.notices, "");
        check_close(&f);
    }
    safetensors_close(&s);
}
END_TEST

/* fails if a block is not 128, one of zeros counts, or a size does not;
   both names: the first is meant, the second left alone */
START_TEST(a_block_of_scales_is_128)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct check_file f;
    struct image image = image_of("{"
        E("streams", "F8_E5M2", "1,2,130", "0", "260") ","
        E("streams_scale_inv", "BF16", "1,2,2", "260", "268") ","
        F("phi", "8,260", "268", "8588") ","
        F("alpha", "3", "8588", "8600") ","
        F("bias", "8", "8600", "8632") ","
        F("streams_scale", "1", "8632", "8636") "}", 8636);
    unsigned char *data = image.bytes + image.size - 8636;
    static const unsigned char half[] = { 0x80, 0x3f, 0, 0x40, 0x40,
                                          0x40, 0x80, 0x40 };
    memset(data, 0x3c, 260);
    memset(data + 260, 0, 8636 - 260);
    memcpy(data + 260, half, 8);
    if (_i == 1)
        data[258] = data[259] = 0;
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    ck_assert_msg(check_read(&f, &s, SIZE_MAX, &m), "%s", m.text);
    for (size_t i = 0; i < 260; i++)
        ck_assert(f.hers.at[STREAMS][i] == (_i == 1 && i >= 258 ? 0
                  : (double)(1 + i / 130 * 2 + i % 130 / 128)));
    ck_assert(f.scale[STREAMS] == 4 - _i && f.odd[STREAMS]);
    ck_assert_ptr_nonnull(strstr(f.notices, "streams_scale is left"));
    ck_assert_ptr_null(strstr(f.notices, "scale_inv is left"));
    check_close(&f);
    safetensors_close(&s);
}
END_TEST

Suite *check_suite(void)
{
    Suite *s = suite_create("check");
    TCase *t = tcase_create("check");
    // The tests of this chapter
    tcase_add_test(t, two_streams_come_out_as_by_hand);
    #ifdef REAL_IS_DOUBLE
    tcase_add_loop_test(t, its_gradients_are_those_of_its_forward, 0,
                        2 * SLICES);
    #endif
    tcase_add_loop_test(t, what_is_stored_is_off_by_u_of_its_terms, H_PRE,
                        ITEMS);
    tcase_add_loop_test(t, what_is_right_agrees_with_one_convention, 0, 3);
    tcase_add_loop_test(t, a_mistake_is_named, 0, 1);
    tcase_add_loop_test(t, large_mistakes_are_named_in_bf16, 0, 1);
    tcase_add_test(t, the_first_and_the_last_part_show_what_they_can);
    tcase_add_test(t, a_verdict_is_printed_line_by_line);
    tcase_add_test(t, what_a_file_cannot_show_is_listed);
    tcase_add_test(t, in_h_post_alone_its_factor_is_missed);
    tcase_add_loop_test(t, one_convention_transposed_may_be_the_other,
                        0, 1);
    tcase_add_test(t, the_other_convention_is_no_mistake);
    tcase_add_test(t, what_explains_it_as_well_is_a_rival);
    tcase_add_test(t, both_ways_make_the_same_mistake);
    tcase_add_test(t, every_other_order_of_groups_is_tried);
    tcase_add_test(t, common_numbers_of_iterations_are_tried);
    tcase_add_test(t, every_round_epsilon_is_tried);
    tcase_add_test(t, a_gradient_of_nothing_agrees);
    tcase_add_loop_test(t, right_files_with_extreme_numbers_agree, 0, 9);
    tcase_add_test(t, a_gate_that_underflows_agrees);
    tcase_add_test(t, what_is_zero_by_theory_may_be_rounding);
    tcase_add_test(t, what_lies_between_is_as_told_or_as_the_file);
    tcase_add_loop_test(t, our_own_boundary_agrees, 0, 8);
    tcase_add_loop_test(t, a_check_file_is_read_or_refused, 0, FILES);
    tcase_add_loop_test(t, what_is_left_alone_is_said, 0,
                        sizeof remarks / sizeof *remarks);
    tcase_add_loop_test(t, what_is_not_finite_is_refused, 0, 9);
    tcase_add_test(t, without_memory_there_is_no_verdict);
    tcase_add_test(t, phi_is_read_either_way);
    tcase_add_loop_test(t, a_trace_is_read_by_its_own_names, 0, 2);
    tcase_add_test(t, halves_are_converted);
    tcase_add_loop_test(t, looking_changes_nothing, 0, 12);
    tcase_add_loop_test(t, what_is_right_in_eight_bits_agrees, 0, 8);
    tcase_add_test(t, what_lies_between_eight_bits_is_the_files);
    tcase_add_test(t, a_trace_is_judged_as_it_was_made);
    tcase_add_loop_test(t, codes_are_multiplied_by_their_scales, 0,
                        sizeof scaled / sizeof *scaled);
    tcase_add_loop_test(t, a_block_of_scales_is_128, 0, 2);
    suite_add_tcase(s, t);
    t = tcase_create("size");
    tcase_set_tags(t, "slow");
    tcase_add_loop_test(t, our_own_boundary_agrees_for_any_token, 0, 2);
    // Slow tests that need no second precision
    if (sizeof(real) == sizeof(float)) {
        tcase_add_loop_test(t, a_mistake_is_named, 1, NAMED_SLICES);
        tcase_add_loop_test(t, two_mistakes_are_both_named, 0, 4);
        tcase_add_loop_test(t, large_mistakes_are_named_in_bf16, 1, 9);
        tcase_add_loop_test(t,
            one_convention_transposed_may_be_the_other, 1, 3);
        tcase_add_test(t, eight_streams_added_up_are_a_wrong_exit);
        tcase_add_loop_test(t,
            a_few_tokens_are_enough_to_find_a_mistake, 0, 5);
        tcase_add_test(t, a_check_says_how_far_it_is);
        tcase_add_test(t, what_nobody_knows_is_not_explained);
        tcase_add_loop_test(t, a_bug_in_our_own_boundary_is_named, 0, 5);
        tcase_add_loop_test(t, numbers_that_are_not_round_are_found, 0, 4);
        tcase_add_test(t, coarse_arithmetic_is_recognised);
        tcase_add_test(t, half_of_the_errors_must_look_rough);
        tcase_add_loop_test(t, a_part_that_is_explained_is_counted, 0, 2);
        tcase_add_test(t, three_mistakes_of_a_published_port_are_named);
        tcase_add_test(t, one_wrong_part_is_no_matter_of_precision);
    }
    if (sizeof(real) == sizeof(float)) {
        tcase_add_loop_test(t, slips_of_eight_bits_are_seen, 0,
                            4 * (SLIPS - CUTS));
        tcase_add_loop_test(t, mistakes_are_named_in_eight_bits, 0, 4 * 7);
    }
    suite_add_tcase(s, t);
    return s;
}
