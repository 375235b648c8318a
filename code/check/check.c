#include "check/check.h"
#include "ground/memory.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// Unit roundoffs
static const struct { const char *name; double u; } roundoffs[] = {
    {"f64", 0x1p-53}, {"f32", 0x1p-24}, {"tf32", 0x1p-11},
    {"f16", 0x1p-11}, {"bf16", 0x1p-8},
};
enum { ROUNDOFFS = sizeof roundoffs / sizeof *roundoffs };

static double roundoff(const char *name)
{
    for (size_t i = 0; i < ROUNDOFFS; i++)
        if (strcasecmp(roundoffs[i].name, name) == 0)
            return roundoffs[i].u;
    return 0;
}

static double coarser(double u, double v)
{
    return u > v ? u : v;
}
static bool find_precision(struct check *c, const char *precision,
                           struct message *m)
{
    c->between = 0x1p-53;
    for (int i = 0; i < ROLES; i++)
        if (c->file.type[i] != NULL && c->file.type[i]->bytes < 8)
            c->between = 0x1p-24;
    if (precision == NULL)
        return true;
    c->between = roundoff(precision);
    return c->between > 0
        || fail(m, EX_USAGE, "--precision %s: it is none of f64, f32, "
                "tf32, f16, bf16", precision);
}

static struct roughness roughness(const struct check *c, double between,
                                  uint64_t seed)
{
    struct roughness r = { .between = between, .seed = seed };
    for (int i = 0; i < ROLES; i++)
        r.at[i] = c->file.type[i] == NULL ? between
                : coarser(between, roundoff(c->file.type[i]->name));
    return r;
}

// The parts that are compared
static void add_part(struct check *c, size_t *used, enum role role,
                     const char *group, size_t first, size_t count)
{
    struct part *p = &c->part[(*used)++];
    *p = (struct part){ .role = role, .first = first, .count = count };
    snprintf(p->name, sizeof p->name, "%s%s", check_names[role].name,
             group);
}

static void list_parts(struct check *c)
{
    static const char *const group[] = { ".pre", ".post", ".res" };
    const struct boundary *b = &c->file.hers;
    size_t n = b->streams, rows[] = { n, n, n * n }, used = 0;
    size_t vector = b->tokens * b->width;
    size_t count[ROLES] = {
        [H_PRE] = b->tokens * n, [H_POST] = b->tokens * n,
        [H_RES] = b->tokens * n * n, [INPUT] = vector,
        [NEXT] = n * vector, [EXIT] = vector, [DSTREAMS] = n * vector,
        [DANSWER] = vector };
    for (int i = H_PRE; i < ROLES; i++) {
        size_t first = 0, each = i == DPHI ? n * b->width : 1;
        if (count[i] > 0)
            add_part(c, &used, (enum role)i, "", 0, count[i]);
        for (size_t g = 0; count[i] == 0 && g < 3; g++) {
            size_t many = i == DALPHA ? 1 : rows[g] * each;
            add_part(c, &used, (enum role)i, group[g], first, many);
            first += many;
        }
    }
}

// Make room for what the reference makes
static bool can_make(const struct boundary *b, enum role role)
{
    bool forward = b->at[ANSWER] != NULL;
    if (role <= INPUT)
        return true;
    return forward && (role <= EXIT || (b->at[DNEXT] != NULL
                                        && b->at[DINPUT] != NULL));
}

/* a boundary with her givens, and room for what is made of them */
static double *room(struct boundary *b, const struct check *c,
                    struct message *m)
{
    size_t all = 0;
    *b = c->file.hers;
    for (size_t p = 0; p < PARTS; p++)
        all += c->part[p].count;
    double *memory = memory_new(all, sizeof *memory, m), *to = memory;
    for (size_t p = 0; memory != NULL && p < PARTS; p++) {
        const struct part *part = &c->part[p];
        if (part->first == 0)
            b->at[part->role] = can_make(b, part->role) ? to : NULL;
        to += part->count;
    }
    return memory;
}

// Measure the differences of all parts
static void differences(double difference[PARTS], const struct check *c,
                        const struct boundary *a,
                        const struct boundary *b)
{
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &c->part[p];
        const double *x = a->at[part->role], *y = b->at[part->role];
        difference[p] = 0;
        for (size_t i = 0; x && y && i < part->count; i++)
            difference[p] = fmax(difference[p],
                                 fabs(x[part->first + i]
                                      - y[part->first + i]));
    }
}

static double rms(const struct part *p, const struct boundary *b)
{
    double sum = 0;
    for (size_t i = 0; i < p->count; i++)
        sum += b->at[p->role][p->first + i]
             * b->at[p->role][p->first + i];
    return sqrt(sum / (double)p->count);
}

// Jobs, side by side
struct job {
    struct rules rules;
    struct roughness rough;     /* of the rules, or unused */
    double error[PARTS];        /* hers against the reference made so */
    double change[PARTS];       /* that against the right reference */
    double scale[PARTS];        /* root mean squares of what is made */
    struct message m;
};

static void run_job(struct job *j, const struct check *c,
                    const struct boundary *right)
{
    struct boundary made;
    double *memory = room(&made, c, &j->m);
    if (j->rough.between > 0)
        j->rules.rough = &j->rough;
    if (memory != NULL && reference_run(&made, &j->rules, &j->m)) {
        differences(j->error, c, &made, &c->file.hers);
        differences(j->change, c, &made, right);
        for (size_t p = 0; p < PARTS; p++)
            if (made.at[c->part[p].role] != NULL)
                j->scale[p] = rms(&c->part[p], &made);
    }
    memory_free(memory);
}

static bool run_jobs(struct job *j, size_t count, const struct check *c,
                     const struct boundary right[2], struct message *m)
{
    #pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < count; i++)
        run_job(&j[i], c, &right[j[i].rules.released]);
    for (size_t i = 0; i < count; i++)
        if (j[i].m.status != 0)
            return fail(m, j[i].m.status, "%s", j[i].m.text);
    return true;
}

// How far rounding may go
enum { ROUGH_RUNS = 8, SAFETY = 4 };

static bool find_tolerance(double tolerance[PARTS],
                           const struct check *c, bool released,
                           double between,
                           const struct boundary right[2],
                           struct message *m)
{
    struct job job[ROUGH_RUNS] = { { .error = { 0 } } };
    for (size_t i = 0; i < ROUGH_RUNS; i++) {
        job[i].rules = c->file.rules;
        job[i].rules.released = released;
        job[i].rough = roughness(c, between, i + 1);
    }
    if (!run_jobs(job, ROUGH_RUNS, c, right, m))
        return false;
    for (size_t p = 0; p < PARTS; p++) {
        tolerance[p] = 0;
        for (size_t i = 0; i < ROUGH_RUNS; i++)
            tolerance[p] = fmax(tolerance[p],
                                SAFETY * job[i].change[p]);
    }
    return true;
}

// Judge by the paper and as released
static void count_agreements(struct verdict *v)
{
    v->agree = v->of = 0;
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p]) {
            v->of++;
            v->agree += v->error[p] <= v->tolerance[p];
        }
}

static bool judge(struct check *c, bool released,
                  struct boundary right[2], struct message *m)
{
    struct verdict *v = &c->verdict[released];
    struct rules r = c->file.rules;
    r.released = released;
    if (!reference_run(&right[released], &r, m)
        || !find_tolerance(v->tolerance, c, released, c->between, right,
                           m))
        return false;
    differences(v->error, c, &right[released], &c->file.hers);
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &c->part[p];
        v->given[p] = c->file.hers.at[part->role] != NULL
                   && right[released].at[part->role] != NULL;
        if (v->given[p])
            v->scale[p] = rms(part, &right[released]);
    }
    count_agreements(v);
    return true;
}

// The mistakes that are tried
static const char *const sayings[MISTAKES] = {
    [NO_FACTOR] = "the factor 2 of h_post is missing",
    [OTHER_ORDER] = "Sinkhorn's rows and columns in the other order",
    [TRANSPOSED] = "h_res is used transposed",
    [STORED_TRANSPOSED] = "h_res is used rightly, but stands in the "
                          "file transposed",
    [BY_COLUMNS] = "the logits fill h_res column by column",
    [NORM_PER_STREAM] = "each stream has a norm of its own",
    [NO_NORM] = "the streams are not normalised before phi",
    [NO_ALPHA] = "alpha is missing",
    [TANH] = "a tanh is left in, from Hyper-Connections",
    [FIRST_TOKEN] = "token 0's h_res mixes the streams of all tokens",
    [NO_MIX] = "the streams are not mixed by h_res",
    [EXCHANGED] = "pre and post are packed in the other order",
    [HALF_THE_STEPS] = "half the iterations of Sinkhorn",
    [EXIT_OTHER] = "exit is the sum of the streams, not the mean",
    [EXIT_FIRST] = "exit is stream 0, not the mean of the streams",
    [SINKHORN_CUT] = "no gradient comes back through Sinkhorn",
    [STRAIGHT_THROUGH] = "the gradient passes Sinkhorn unchanged, as "
                         "if h_res were its logits",
    [EXPONENTIAL_ONLY] = "the gradient comes through Sinkhorn's "
                         "exponential only, and no half step",
    [LAST_STEP_ONLY] = "the gradient comes through Sinkhorn's last "
                       "half step only",
    [NORM_CUT] = "the gradient takes the norm for a constant",
    [PATH_CUT] = "dstreams lacks what comes back through phi",
    [NOT_TRANSPOSED_BACK] = "dstreams is mixed by h_res, not by its "
                            "transpose",
    [ALPHA_FORGOTTEN] = "what comes back to phi and through it lacks "
                        "the factor alpha",
};
static bool judges_gradients(const struct verdict *v,
                             const struct part *part)
{
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p] && part[p].role >= DSTREAMS)
            return true;
    return false;
}

static void list_trials(struct check *c)
{
    bool gradients = judges_gradients(&c->verdict[0], c->part);
    for (int i = 0; i < MISTAKES; i++) {
        uint32_t bit = MISTAKE(i);
        struct trial t = { .saying = sayings[i], .where = "",
                           .forward = bit, .backward = bit };
        bool forward = i == STORED_TRANSPOSED || i == EXIT_OTHER
                    || i == EXIT_FIRST;
        if (i < SINKHORN_CUT || gradients)
            c->trial[c->trials++] = t;
        if (i >= SINKHORN_CUT || forward || !gradients)
            continue;
        t.where = " (forward only)", t.backward = 0;
        c->trial[c->trials++] = t;
        t.where = " (backward only)", t.forward = 0, t.backward = bit;
        c->trial[c->trials++] = t;
    }
}

// What this file cannot show
static void find_blind(struct check *c, const struct job *job)
{
    const struct verdict *v = &c->verdict[c->best];
    for (size_t i = 0; i < c->trials; i++) {
        c->trial[i].blind = true;
        for (size_t p = 0; p < PARTS; p++)
            if (v->given[p] && job[i].change[p] > v->tolerance[p])
                c->trial[i].blind = false;
    }
}

// Find the mistakes that explain it
static struct verdict verdict_of(const struct check *c,
                                 const struct job *job)
{
    struct verdict v = c->verdict[job->rules.released];
    memcpy(v.error, job->error, sizeof v.error);
    for (size_t p = 0; p < PARTS; p++)
        if (v.given[p] && job->scale[p] > v.scale[p] && v.scale[p] > 0)
            v.tolerance[p] *= job->scale[p] / v.scale[p];
    count_agreements(&v);
    return v;
}

/* how far those that do not agree are off */
static double excess(const struct verdict *v)
{
    double sum = 0;
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p] && v->error[p] > v->tolerance[p])
            sum += log(v->error[p] / fmax(v->tolerance[p], 1e-300));
    return sum;
}

static bool better(const struct verdict *a, const struct verdict *b)
{
    return a->agree > b->agree
        || (a->agree == b->agree && excess(a) < .9 * excess(b));
}
/* every mistake on top of those found so far, by both conventions or
   by the one that is settled */
static size_t list_jobs(struct job *job, const struct check *c)
{
    size_t jobs = 0;
    for (int released = 0; released < 2; released++) {
        if (c->founds > 0 ? released != c->found_released
            : c->only && released != (c->only == ONLY_RELEASED))
            continue;
        for (size_t i = 0; i < c->trials; i++) {
            struct rules r = c->file.rules;
            r.released = released;
            r.forward = c->trial[i].forward;
            r.backward = c->trial[i].backward;
            for (size_t f = 0; f < c->founds; f++) {
                r.forward |= c->trial[c->found[f]].forward;
                r.backward |= c->trial[c->found[f]].backward;
            }
            job[jobs++] = (struct job){ .rules = r };
        }
    }
    return jobs;
}

static void note_best(struct check *c, const struct job *job,
                      size_t jobs, bool *found)
{
    size_t at = 0;
    *found = false;
    for (size_t i = 0; i < jobs; i++) {
        struct verdict v = verdict_of(c, &job[i]);
        if (better(&v, &c->explained)) {
            c->explained = v;
            *found = true;
            at = i;
        }
    }
    if (!*found)
        return;
    c->found_released = job[at].rules.released;
    c->found[c->founds++] = at % c->trials;
    for (size_t i = at + 1; c->founds == 1 && i < jobs; i++) {
        struct verdict v = verdict_of(c, &job[i]);
        if (v.agree == v.of && c->explained.agree == v.agree
            && job[i].rules.released == c->found_released)
            c->rivals[c->rival_count++] = i % c->trials;
    }
}
static bool explain(struct check *c, struct job *job,
                    const struct boundary right[2], struct message *m)
{
    bool found = true, all = false;
    c->explained = c->verdict[c->best];
    c->found_released = c->best;
    while (found && !all && c->founds < EXPLANATION) {
        size_t jobs = list_jobs(job, c);
        if (!run_jobs(job, jobs, c, right, m))
            return false;
        if (c->founds == 0)
            find_blind(c, job + (c->only ? 0 : c->best * c->trials));
        note_best(c, job, jobs, &found);
        all = c->explained.agree == c->explained.of;
    }
    return true;
}

// Would coarser numbers explain it?
static bool find_rough(struct check *c, const struct boundary right[2],
                       struct message *m)
{
    static const char *const name[] = { "tf32", "bf16" };
    for (size_t i = 0; i < 2 && c->rough == NULL; i++) {
        struct verdict v = c->verdict[c->best];
        double u = roundoff(name[i]);
        if (u <= c->between)
            continue;
        if (!find_tolerance(v.tolerance, c, c->best, u, right, m))
            return false;
        count_agreements(&v);
        if (v.agree == v.of)
            c->rough = name[i];
    }
    return true;
}

// Run a check
static bool find_alias(struct check *c, const struct boundary right[2],
                       struct message *m)
{
    struct job j = { .rules = c->file.rules };
    j.rules.released = !c->best;
    j.rules.forward = j.rules.backward = MISTAKE(TRANSPOSED);
    if (!run_jobs(&j, 1, c, right, m))
        return false;
    struct verdict v = verdict_of(c, &j);
    c->alias = v.agree == v.of && c->verdict[!c->best].agree < v.of;
    return true;
}
static bool look_closer(struct check *c, const struct boundary right[2],
                        struct message *m)
{
    struct job *job = memory_new(2 * SAYINGS, sizeof *job, m);
    const struct verdict *v = &c->verdict[c->best];
    bool good = job != NULL;
    list_trials(c);
    if (good && v->agree == v->of) {
        c->founds = 1;          /* one convention, nothing found */
        c->found_released = c->best;
        c->found[0] = SAYINGS - 1;     /* which makes none */
        good = run_jobs(job, list_jobs(job, c), c, right, m);
        c->founds = 0;
        find_blind(c, job);
        if (good && c->only == EITHER)
            good = find_alias(c, right, m);
    } else if (good) {
        good = explain(c, job, right, m);
        if (good && c->explained.agree < c->explained.of
            && 2 * v->agree < v->of)
            good = find_rough(c, right, m);
    }
    memory_free(job);
    return good;
}

bool check_run(struct check *c, const char *precision,
               struct message *m)
{
    struct boundary right[2];
    list_parts(c);
    if (!find_precision(c, precision, m))
        return false;
    double *memory[2] = { room(&right[0], c, m),
                          room(&right[1], c, m) };
    bool good = memory[0] != NULL && memory[1] != NULL
        && judge(c, false, right, m) && judge(c, true, right, m);
    if (good) {
        c->best = c->only == EITHER
                ? c->verdict[1].agree > c->verdict[0].agree
                : c->only == ONLY_RELEASED;
        if (c->verdict[0].of > 0)
            good = look_closer(c, right, m);
        else
            good = fail(m, EX_DATAERR, "there is nothing to compare: "
                        "none of the tensors that are made of these");
    }
    memory_free(memory[0]);
    memory_free(memory[1]);
    return good;
}

// Print the verdict
static const char *const conventions[] =
    { "the paper's form", "DeepSeek-V4's released form" };

static void print_parts(FILE *out, const struct check *c)
{
    const struct verdict *v = c->verdict;
    fprintf(out, "%-11s %5s %10s %12s %12s\n", "tensor", "type",
            "tolerance", "paper", "as released");
    for (size_t p = 0; p < PARTS; p++) {
        if (!v->given[p])
            continue;
        fprintf(out, "%-11s %5s", c->part[p].name,
                c->file.type[c->part[p].role]->name);
        for (int k = -1; k < 2; k++) {
            const struct verdict *w = &v[k < 0 ? (int)c->best : k];
            double unit = w->scale[p] > 0 ? w->scale[p] : 1;
            double x = k < 0 ? w->tolerance[p] : w->error[p];
            fprintf(out, " %10.2g", x / unit);
            if (k >= 0)
                fprintf(out, w->error[p] <= w->tolerance[p] ? "  "
                        : " *");
        }
        fprintf(out, "\n");
    }
    fprintf(out, "* more than rounding explains; all by the root mean "
            "square of the tensor\n");
}
static void print_missing(FILE *out, const struct check *c)
{
    const struct boundary *hers = &c->file.hers;
    for (int can = 1; can >= 0; can--) {
        int used = 0;
        for (int i = H_PRE; i < ROLES; i++) {
            bool skipped = can ? hers->at[i] == NULL
                : hers->at[i] != NULL && !can_make(hers, (enum role)i);
            if (skipped)
                fprintf(out, used++ ? " %s" : can ? "not given: %s"
                        : "not compared, for want of answer, dnext or "
                          "dinput: %s", check_names[i].name);
        }
        if (used)
            fprintf(out, "\n");
    }
}

static void print_trial(FILE *out, const char *before,
                        const struct trial *t)
{
    fprintf(out, "%s%s%s\n", before, t->saying, t->where);
}

static void print_explanation(FILE *out, const struct check *c)
{
    const struct verdict *v = &c->explained;
    for (size_t i = 0; i < c->founds; i++)
        print_trial(out, i == 0 ? "likely mistake: " : "and: ",
                    &c->trial[c->found[i]]);
    for (size_t i = 0; c->founds == 1 && i < c->rival_count; i++)
        print_trial(out, "or, as likely: ", &c->trial[c->rivals[i]]);
    if (c->founds > 0)
        fprintf(out, "with %s made, %zu of %zu agree with %s\n",
                c->founds > 1 ? "these" : "it", v->agree, v->of,
                conventions[c->found_released]);
    if (v->agree < v->of) {
        fprintf(out, "not explained:");
        for (size_t p = 0; p < PARTS; p++)
            if (v->given[p] && v->error[p] > v->tolerance[p])
                fprintf(out, " %s", c->part[p].name);
        fprintf(out, "\n");
    }
    if (v->agree < v->of && c->rough != NULL)
        fprintf(out, "or no mistake, but calculated in %s "
                "(--precision %s)\n", c->rough, c->rough);
}
void check_print(FILE *out, const struct check *c)
{
    const struct boundary *b = &c->file.hers;
    const struct verdict *v = c->verdict;
    fprintf(out, "%zu token%s, %zu stream%s of width %zu, %zu "
            "iterations\n\n", b->tokens, b->tokens > 1 ? "s" : "",
            b->streams, b->streams > 1 ? "s" : "", b->width,
            c->file.rules.iterations);
    print_parts(out, c);
    print_missing(out, c);
    for (size_t k = 0; k < 2; k++)
        fprintf(out, "%zu of %zu agree with %s\n", v[k].agree, v[k].of,
                conventions[k]);
    if (v[c->best].agree < v[c->best].of)
        print_explanation(out, c);
    if (c->alias)
        fprintf(out, "with h_res used transposed all agree with %s, "
                "too: say which is meant, --convention %s\n",
                conventions[!c->best], c->best ? "paper" : "released");
    size_t blind = 0;
    for (size_t i = 0; i < c->trials; i++)
        if (c->trial[i].blind && *c->trial[i].where == '\0')
            fprintf(out, "%s  %s\n", blind++ ? ""
                    : "these mistakes would not show in this file:\n",
                    c->trial[i].saying);
}
