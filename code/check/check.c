#include "check/check.h"
#include "ground/memory.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// Unit roundoffs
static const struct precision precisions[] = {
    { .name = "f64", .u = 0x1p-53, .least = 0x1p-1022 },
    { .name = "f32", .u = 0x1p-24, .least = 0x1p-126 },
    { .name = "tf32", .u = 0x1p-11, .least = 0x1p-126 },
    { .name = "f16", .u = 0x1p-11, .least = 0x1p-24 },
    { .name = "bf16", .u = 0x1p-8, .least = 0x1p-126 },
    // More precisions of a check
    { .name = "e4m3", .u = 0x1p-4, .least = 0x1p-126,
      .smallest = 0x1p-9, .most = 448 },
    { .name = "e5m2", .u = 0x1p-3, .least = 0x1p-126,
      .smallest = 0x1p-16, .most = 57344 },
    { .name = NULL } };

/* the last, without a name, if there is none */
static const struct precision *precision_of(const char *name)
{
    const struct precision *p = precisions;
    // Leave out what a name begins with
    name += strncasecmp(name, "F8_", 3) == 0 ? 3 : 0;
    while (p->name != NULL && strcasecmp(p->name, name) != 0)
        p++;
    return p;
}
static bool find_precision(struct check *c, const char *precision)
{
    c->between = precision_of("f64");
    for (int i = 0; i < ITEMS; i++)
        if (c->file.type[i] != NULL && c->file.type[i]->bytes < 8)
            c->between = precision_of("f32");
    if (precision != NULL)
        c->between = precision_of(precision);
    // Tell what is kept from what lies between
    c->kept = c->between->smallest > 0 ? c->between : NULL;
    if (c->kept != NULL)
        c->between = precision_of("f64");
    for (int i = 0; c->kept != NULL && i < ITEMS; i++) {
        const struct number_type *type = c->file.type[i];
        const struct precision *p = precision_of(type ? type->name : "f64");
        if (p->smallest == 0 && p->u > c->between->u)
            c->between = p;
    }
    return c->between->name != NULL
        || fail(c->message, EX_USAGE, "--precision %s: it is none of "
                "f64, f32, tf32, f16, bf16"
                ", e4m3, e5m2", precision);
}

static struct roughness roughness(const struct check *c,
                                  const struct precision *between,
                                  uint64_t seed)
{
    struct roughness r = { .between = between->u, .seed = seed,
                           .least_between = between->least };
    for (int i = H_PRE; i < ITEMS; i++) {
        const struct precision *p = c->file.type[i] == NULL ? between
            : precision_of(c->file.type[i]->name);
        r.at[i] = fmax(between->u, p->u);
        r.least[i] = fmax(between->least, p->least);
        // Leave out what is not counted later
        if (p->smallest > 0 && i > H_RES) {
            r.at[i] = between->u;
            r.least[i] = between->least;
        }
    }
    // How rough what is given is
    for (int i = DNEXT; i <= DINPUT; i++) {
        r.at[i] = c->given[i].u;
        r.least[i] = c->given[i].step;
    }
    return r;
}

// The parts that are compared
static bool sums_tokens(enum item role)
{
    return role >= DPHI && role <= DBIAS;
}

static void list_parts(struct part *part, const struct boundary *b)
{
    static const char *const group[] = { ".pre", ".post", ".res" };
    size_t n = b->streams, rows[] = { n, n, n * n };
    for (enum item role = H_PRE; role < ITEMS; role++) {
        size_t first = 0, size = check_size(b, role);
        bool split = sums_tokens(role);
        for (size_t g = 0; g < (split ? 3 : 1); g++) {
            *part = (struct part){ .role = role, .first = first,
                .count = !split ? size : role == DALPHA ? 1
                       : size / (n * (n + 2)) * rows[g] };
            snprintf(part->name, sizeof part->name, "%s%s",
                     check_names[role].name, split ? group[g] : "");
            first += part++->count;
        }
    }
}

// Make room for what the reference makes
/* a boundary with her givens, and room for what is made of them */
static double *room(struct boundary *b, const struct view *v,
                    struct message *m)
{
    size_t all = 0;
    *b = v->hers;
    for (size_t p = 0; p < PARTS; p++)
        all += v->part[p].count;
    double *memory = memory_new(all, sizeof *memory, m), *to = memory;
    for (size_t p = 0; memory != NULL && p < PARTS; p++) {
        const struct part *part = &v->part[p];
        if (part->first == 0)
            b->at[part->role] = reference_makes(b, part->role) ? to
                                                               : NULL;
        to += part->count;
    }
    return memory;
}
static bool open_view(struct view *v, struct message *m)
{
    list_parts(v->part, &v->hers);
    for (int released = 0; released < 2; released++) {
        v->memory[1 + released] = room(&v->right[released], v, m);
        if (v->memory[1 + released] == NULL)
            return false;
    }
    return true;
}

static void close_view(struct view *v)
{
    for (int i = 0; i < 3; i++) {
        memory_free(v->memory[i]);
        v->memory[i] = NULL;
    }
}

// Measure the differences of all parts
/* the largest difference of a part, and where it is */
struct difference { double most; size_t at; };
// What a rounding may be
/* once, of the i-th number of b, when it is stored */
static double rounding(const struct part *part,
                       const struct boundary *b, size_t i)
{
    const double *y = b->at[part->role], *x = b->at[NEXT];
    size_t n = b->streams, C = b->width, first = i / C * n * C + i % C;
    double most = fmax(part->own.u * fabs(y[i]), part->own.step);
    for (size_t j = 0; part->next.u > 0 && j < n; j++)
        most += fmax(part->next.u * fabs(x[first + j * C]),
                     part->next.step) / (double)n;
    return most;
}

static struct difference differ(const struct part *part,
                                const struct boundary *a,
                                const struct boundary *b)
{
    const double *x = a->at[part->role], *y = b->at[part->role];
    struct difference far = { 0, part->first };
    for (size_t i = part->first;
         x && y && i < part->first + part->count; i++) {
        double d = fabs(x[i] - y[i]);
        // Do not count a rounding
        d -= rounding(part, a, i);
        size_t all = a->streams * a->width;
        for (size_t j = 0; part->mean && j < a->streams; j++)
            d -= 3 * part->own.u / (double)a->streams
               * fabs(x[i / all * all + j * a->width + i % a->width]);
        if (!(d <= far.most))
            far = (struct difference){ d > far.most ? d : INFINITY, i };
    }
    return far;
}

static double rms(const struct part *p, const struct boundary *b)
{
    const double *x = b->at[p->role] + p->first;
    double most = 0, sum = 0;
    for (size_t i = 0; i < p->count; i++)
        most = fmax(most, fabs(x[i]));
    for (size_t i = 0; most > 0 && i < p->count; i++)
        sum += x[i] / most * (x[i] / most);
    return most * sqrt(sum / (double)p->count);
}

/* numbers that are as wide as a stream */
static bool is_wide(enum item role)
{
    const char *shape = check_names[role].shape;
    return shape[strlen(shape) - 1] == 'C';
}

static double amax(const struct check *c, enum item role)
{
    const double *x = c->file.hers.at[role];
    size_t count = x == NULL ? 0 : check_size(&c->file.hers, role);
    double most = 0;
    for (size_t i = 0; i < count; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

// How a trace keeps a tensor
static bool is_told(const struct check *c, const char *precision)
{
    return strncmp(c->file.precision, precision, strlen(precision))
        == 0;
}

static bool is_stream(enum item role)
{
    return is_wide(role) && strlen(check_names[role].shape) == 3;
}

/* NULL: as it is calculated */
static const struct precision *kept_as(const struct check *c,
                                       enum item role)
{
    if (!is_wide(role))
        return NULL;
    if (c->kept != NULL)
        return c->kept;
    if (is_told(c, "fp8-streams") && is_stream(role))
        return precision_of("e4m3");
    return is_told(c, "fp8") || is_told(c, "bf16")
         ? precision_of("bf16") : NULL;
}

static bool is_by_chance(const struct check *c, enum item role)
{
    return is_stream(role) && is_told(c, "fp8-streams-stochastic");
}

static void find_rounding(double *u, double *step,
                          const struct check *c, enum item role)
{
    const struct number_type *type = c->file.type[role];
    const struct precision *own = type == NULL ? NULL
                                : precision_of(type->name);
    const struct precision *k = kept_as(c, role);
    *u = *step = 0;
    if (own != NULL && own->smallest > 0 && role > H_RES) {
        *u = own->u;
        *step = own->smallest / 2 * c->file.scale[role];
    }
    if (k != NULL) {
        double times = is_by_chance(c, role) ? 2 : 1;
        *u = fmax(*u, times * k->u);
        if (k->smallest > 0)
            *step = fmax(*step, times * k->smallest / k->most
                                * amax(c, role) / (1 - times * k->u));
    }
}

static void find_roundings(struct view *v, const struct check *c)
{
    for (size_t p = 0; p < PARTS; p++) {
        struct part *part = &v->part[p];
        find_rounding(&part->own.u, &part->own.step, c, part->role);
        part->mean = part->role == NEXT
                  && is_told(c, "fp8-streams-mean");
        if (part->role == EXIT)
            find_rounding(&part->next.u, &part->next.step, c, NEXT);
    }
}

static void find_givens(struct check *c)
{
    memset(c->given, 0, sizeof c->given);
    for (int i = DNEXT; i <= DINPUT && c->file.precision[0]; i++)
        find_rounding(&c->given[i].u, &c->given[i].step, c, i);
}

// Jobs, side by side
struct job {
    struct rules rules;
    struct roughness rough;     /* of the rules, or unused */
    double error[PARTS];        /* hers against the reference made so */
    double change[PARTS];       /* that against the right reference */
    double scale[PARTS];        /* root mean squares of what is made */
    const struct view *view;
    struct trial *trial;        /* that is made, or unused */
    struct message m;
};

static struct job job_of(const struct check *c, const struct view *view,
                         bool released)
{
    return (struct job){ .view = view,
        .rules = reference_rules(&c->file.settings, released) };
}

static void run_job(struct job *j)
{
    struct boundary made;
    const struct view *v = j->view;
    const struct boundary *right = &v->right[j->rules.released];
    double *memory = room(&made, v, &j->m);
    bool good = memory != NULL;
    if (j->rough.between > 0)
        j->rules.rough = &j->rough;
    good = good && reference_run(&made, &j->rules, &j->m);
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &v->part[p];
        // Count all of a rough run
        struct part all = *part;
        all.own.u = all.own.step = all.next.u = all.next.step = 0;
        part = j->rules.rough != NULL ? &all : part;
        j->error[p] = j->change[p] = INFINITY;
        if (!good || made.at[part->role] == NULL)
            continue;
        j->error[p] = differ(part, &made, &v->hers).most;
        j->change[p] = differ(part, &made, right).most;
        j->scale[p] = rms(part, &made);
    }
    memory_free(memory);
    if (j->m.status == EX_DATAERR && j->rules.rough == NULL)
        j->m.status = 0;
}

static bool run_jobs(struct check *c, struct job *j, size_t count)
{
    c->jobs += count;
    #pragma omp parallel for schedule(dynamic)
    for (size_t i = 0; i < count; i++) {
        run_job(&j[i]);
        if (c->progress != NULL)
            #pragma omp critical (check_progress)
            c->progress(++c->done, c->jobs);
    }
    for (size_t i = 0; i < count; i++)
        if (j[i].m.status != 0)
            return fail(c->message, j[i].m.status, "%s", j[i].m.text);
    return true;
}

// How far rounding may go
enum { ROUGH_RUNS = 8, SAFETY = 4 };

/* u times the sizes of the terms of what sums up tokens */
static bool find_sizes(double size[PARTS], const struct check *c,
                       bool released, double u)
{
    struct boundary made, sizes;
    double *memory = room(&made, &c->whole, c->message);
    double *others = room(&sizes, &c->whole, c->message);
    struct rules r = reference_rules(&c->file.settings, released);
    r.sizes = &sizes;
    bool good = memory != NULL && others != NULL
             && reference_run(&made, &r, c->message);
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &c->whole.part[p];
        double most = 0, *x = sizes.at[part->role];
        bool any = good && x && sums_tokens(part->role);
        for (size_t i = 0; any && i < part->count; i++)
            most = fmax(most, x[part->first + i]);
        size[p] = u * sqrt(most);
    }
    memory_free(memory);
    memory_free(others);
    return good;
}

static bool find_tolerance(double tolerance[PARTS], struct check *c,
                           bool released,
                           const struct precision *between)
{
    struct job job[ROUGH_RUNS];
    double size[PARTS] = { 0 };
    for (size_t i = 0; i < ROUGH_RUNS; i++) {
        job[i] = job_of(c, &c->whole, released);
        job[i].rough = roughness(c, between, i + 1);
    }
    if (!find_sizes(size, c, released, between->u)
        || !run_jobs(c, job, ROUGH_RUNS))
        return false;
    for (size_t p = 0; p < PARTS; p++) {
        double most = size[p];
        for (size_t i = 0; i < ROUGH_RUNS; i++)
            most = fmax(most, job[i].change[p]);
        tolerance[p] = SAFETY * most;
    }
    return true;
}

// Judge by the paper and as released
static bool agrees(const struct verdict *v, size_t p)
{
    return v->error[p] <= v->tolerance[p];
}

static void count_agreements(struct verdict *v)
{
    v->agree = v->of = 0;
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p]) {
            v->of++;
            v->agree += agrees(v, p);
        }
}

/* the right reference, and how far hers is from it */
static bool compare(struct view *view, const struct check *c,
                    bool released)
{
    struct verdict *v = &view->verdict[released];
    struct boundary *right = &view->right[released];
    struct rules r = reference_rules(&c->file.settings, released);
    if (!reference_run(right, &r, c->message))
        return false;
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &view->part[p];
        v->given[p] = view->hers.at[part->role] != NULL
                   && right->at[part->role] != NULL;
        if (!v->given[p])
            continue;
        v->scale[p] = rms(part, right);
        v->error[p] = differ(part, right, &view->hers).most;
    }
    return true;
}

static bool judge(struct check *c, bool released)
{
    struct verdict *v = &c->whole.verdict[released];
    if (!compare(&c->whole, c, released)
        || !find_tolerance(v->tolerance, c, released, c->between))
        return false;
    memcpy(v->still, v->tolerance, sizeof v->still);
    count_agreements(v);
    return true;
}

// Look at a few tokens
enum { LEAST_TOKENS = 4, MOST_TOKENS = 12, WORK = 400000 };

static size_t few_tokens(const struct boundary *b)
{
    size_t n = b->streams, each = n * n * (n + 2) * b->width;
    size_t few = WORK / each;
    few = few < LEAST_TOKENS ? LEAST_TOKENS
        : few > MOST_TOKENS ? MOST_TOKENS : few;
    return few < b->tokens ? few : b->tokens;
}

static void add_token(size_t *token, size_t *used, size_t room,
                      size_t t)
{
    for (size_t i = 0; i < *used; i++)
        if (token[i] == t)
            return;
    if (*used < room)
        token[(*used)++] = t;
}

static void choose_tokens(size_t *token, size_t few,
                          const struct check *c)
{
    const struct view *w = &c->whole;
    const struct verdict *v = &w->verdict[c->best];
    size_t used = 0, T = w->hers.tokens;
    add_token(token, &used, few, 0);
    for (size_t p = 0; p < PARTS; p++) {
        const struct part *part = &w->part[p];
        if (!v->given[p] || agrees(v, p) || sums_tokens(part->role))
            continue;
        size_t at = differ(part, &w->right[c->best], &w->hers).at;
        add_token(token, &used, few, at / (part->count / T));
    }
    for (size_t t = T - 1; used < few; t--)
        add_token(token, &used, few, t);
}
/* does the job change a part by more than rounding? */
static bool moves(const struct job *job, size_t p)
{
    bool released = job->rules.released;
    return job->change[p] > job->view->verdict[released].still[p];
}

static double *few_of(struct boundary *few, const struct check *c,
                      const size_t *token, size_t count)
{
    const struct boundary *from = &c->whole.hers;
    size_t T = from->tokens, all = 0;
    for (enum item i = 0; i < ITEMS; i++)
        all += *check_names[i].shape == 'T' ? check_size(from, i) : 0;
    double *memory = memory_new(all / T * count, sizeof *memory,
                                c->message), *to = memory;
    *few = *from;
    few->tokens = count;
    for (enum item i = 0; memory != NULL && i < ITEMS; i++) {
        size_t each = check_size(from, i) / T;
        if (*check_names[i].shape != 'T' || from->at[i] == NULL)
            continue;
        few->at[i] = to;
        for (size_t k = 0; k < count; k++, to += each)
            memcpy(to, from->at[i] + token[k] * each,
                   each * sizeof *to);
    }
    return memory;
}

static void judge_few(struct check *c, bool released)
{
    struct verdict *v = &c->few.verdict[released];
    const struct verdict *whole = &c->whole.verdict[released];
    for (size_t p = 0; p < PARTS; p++) {
        v->still[p] = v->tolerance[p] = whole->tolerance[p];
        if (!sums_tokens(c->few.part[p].role))
            continue;
        v->error[p] = whole->error[p];
        if (whole->scale[p] > 0)
            v->still[p] *= v->scale[p] / whole->scale[p];
    }
    count_agreements(v);
}

static bool view_few(struct check *c)
{
    struct view *few = &c->few;
    size_t token[MOST_TOKENS], count = few_tokens(&c->whole.hers);
    choose_tokens(token, count, c);
    few->memory[0] = few_of(&few->hers, c, token, count);
    if (few->memory[0] == NULL || !open_view(few, c->message))
        return false;
    // Find it for the few
    find_roundings(few, c);
    for (int released = 0; released < 2; released++) {
        if (!compare(few, c, released))
            return false;
        judge_few(c, released);
    }
    return true;
}

// Find the mistakes that explain it
static struct verdict verdict_of(const struct check *c,
                                 const struct job *job)
{
    const struct view *view = job->view;
    struct verdict v = view->verdict[job->rules.released];
    for (size_t p = 0; p < PARTS; p++) {
        if (view != &c->whole && sums_tokens(view->part[p].role)) {
            if (moves(job, p))
                v.error[p] = agrees(&v, p) ? INFINITY : 0;
            continue;
        }
        v.error[p] = job->error[p];
        if (v.given[p] && job->scale[p] > v.scale[p] && v.scale[p] > 0)
            v.tolerance[p] *= job->scale[p] / v.scale[p];
    }
    count_agreements(&v);
    return v;
}

/* does what agrees before agree after? */
static bool breaks_nothing(const struct verdict *after,
                           const struct verdict *before)
{
    for (size_t p = 0; p < PARTS; p++)
        if (before->given[p] && agrees(before, p) && !agrees(after, p))
            return false;
    return true;
}

/* how far those are off that do not agree before; with a least, also
   below the tolerance */
static double distance(const struct verdict *v,
                       const struct verdict *before, double least)
{
    double sum = 0;
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p] && !agrees(before, p))
            sum += log(fmin(v->error[p], 1e300)
                       / fmax(v->tolerance[p], 1e-300) + least);
    return sum;
}

static double excess(const struct verdict *v)
{
    return distance(v, v, 0);
}

static bool better(const struct verdict *a, const struct verdict *b)
{
    return a->agree > b->agree
        || (a->agree == b->agree && excess(a) < .9 * excess(b));
}
struct set {
    struct trial trial[EXPLANATION];
    size_t members, order;
    bool released;
    struct verdict verdict;
    double excess;
};

static int by_merit(const void *a, const void *b)
{
    const struct set *x = a, *y = b;
    if (x->verdict.agree != y->verdict.agree)
        return x->verdict.agree > y->verdict.agree ? -1 : 1;
    if (x->excess != y->excess)
        return x->excess < y->excess ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/* the best first */
static bool weigh(struct check *c, const struct view *view,
                  struct set *set, size_t count)
{
    struct job *job = memory_new(count, sizeof *job, c->message);
    for (size_t i = 0; job != NULL && i < count; i++) {
        job[i] = job_of(c, view, set[i].released);
        for (size_t k = 0; k < set[i].members; k++)
            job[i].rules = trial_rules(job[i].rules, &set[i].trial[k]);
    }
    bool good = job != NULL && run_jobs(c, job, count);
    for (size_t i = 0; good && i < count; i++) {
        set[i].verdict = verdict_of(c, &job[i]);
        set[i].excess = excess(&set[i].verdict);
        set[i].order = i;
    }
    if (good)
        qsort(set, count, sizeof *set, by_merit);
    memory_free(job);
    return good;
}
static bool explains(const struct check *c, const struct set *s)
{
    const struct verdict *before = &c->whole.verdict[s->released];
    return s->verdict.agree > before->agree
        && breaks_nothing(&s->verdict, before)
        && better(&s->verdict, &c->explained);
}

/* another value of the same number, or another mistake */
static void add_rival(struct check *c, const struct trial *t)
{
    const struct trial *found = c->found;
    if (t->there + t->back == 0 || t->there != found->there
        || t->back != found->back || t->forward != found->forward
        || (t->there | t->back) == 1U << ORDER) {
        c->rivals[c->rival_count++] = *t;
        return;
    }
    c->least = fmin(c->least, t->value);
    c->most = fmax(c->most, t->value);
}

static void take_explanation(struct check *c, const struct set *set,
                             size_t count)
{
    size_t at = 0;
    while (at < count && !explains(c, &set[at]))
        at++;
    if (at == count)
        return;
    c->explained = set[at].verdict;
    c->found_released = set[at].released;
    c->founds = set[at].members;
    memcpy(c->found, set[at].trial, sizeof c->found);
    c->least = c->most = c->found->value;
    bool all = c->explained.agree == c->explained.of;
    for (size_t i = 0; all && c->founds == 1 && i < count; i++)
        if (i != at && set[i].verdict.agree == c->explained.of
            && set[i].released == c->found_released)
            add_rival(c, set[i].trial);
}

static bool settle(struct check *c, struct set *set, size_t count)
{
    enum { LEAST = 2, MOST = 24 };
    struct set chosen[MOST];
    size_t good = 0;
    if (c->view != &c->whole) {
        while (good < count && good < MOST
               && (good < LEAST
                   || set[good].verdict.agree == set[good].verdict.of))
            good++;
        count = good;
        set = memcpy(chosen, set, count * sizeof *set);
        if (!weigh(c, &c->whole, set, count))
            return false;
    }
    take_explanation(c, set, count);
    return true;
}
enum { BEAM = 6 };

static bool judges_gradients(const struct check *c)
{
    for (size_t p = 0; p < PARTS; p++)
        if (c->whole.verdict->given[p]
            && c->whole.part[p].role >= DSTREAMS)
            return true;
    return false;
}

static bool explained(const struct check *c)
{
    return c->founds > 0 && c->explained.agree == c->explained.of;
}

/* each of the trials on top of each base; the best are the new bases */
static bool try_all(struct check *c, struct set base[BEAM],
                    size_t *bases, const struct trial *trial,
                    size_t trials)
{
    size_t count = *bases * trials, kept = 0;
    struct set *set = memory_new(count, sizeof *set, c->message);
    for (size_t i = 0; set != NULL && i < count; i++) {
        set[i] = base[i / trials];
        set[i].trial[set[i].members++] = trial[i % trials];
    }
    bool good = set != NULL && weigh(c, c->view, set, count)
             && settle(c, set, count);
    for (size_t i = 0; good && i < count && kept < BEAM; i++)
        if (better(&set[i].verdict, &c->view->verdict[set[i].released]))
            base[kept++] = set[i];
    if (good)
        *bases = kept;
    memory_free(set);
    return good;
}

static size_t no_mistake(struct set base[BEAM], const struct check *c)
{
    size_t bases = 0;
    for (int released = 0; released < 2; released++)
        if (!c->only || released == (c->only == ONLY_RELEASED))
            base[bases++] = (struct set){ .released = released };
    return bases;
}
static bool narrow(struct check *c, bool released, struct trial *trial,
                   size_t trials)
{
    enum { MOST = 16, THIRDS = 34 };
    const struct verdict *was = &c->view->verdict[released];
    double low[MOST], high[MOST];
    struct job job[2 * MOST];
    assert(trials <= MOST);
    for (size_t i = 0; i < trials; i++)
        low[i] = log(1e-12), high[i] = 0;
    for (int round = 0; round < THIRDS; round++) {
        for (size_t k = 0; k < 2 * trials; k++) {
            size_t i = k / 2;
            double third = (high[i] - low[i]) / 3;
            trial[i].value = exp(low[i] + third * (double)(1 + k % 2));
            job[k] = job_of(c, c->view, released);
            job[k].rules = trial_rules(job[k].rules, &trial[i]);
        }
        if (!run_jobs(c, job, 2 * trials))
            return false;
        for (size_t i = 0; i < trials; i++) {
            struct verdict a = verdict_of(c, &job[2 * i]);
            struct verdict b = verdict_of(c, &job[2 * i + 1]);
            double third = (high[i] - low[i]) / 3;
            if (distance(&a, was, 1e-6) <= distance(&b, was, 1e-6))
                high[i] -= third;
            else
                low[i] += third;
        }
    }
    for (size_t i = 0; i < trials; i++)
        trial_refine(&trial[i], exp((low[i] + high[i]) / 2));
    return true;
}

static bool scan(struct check *c, struct trial *trial)
{
    struct set base[BEAM];
    size_t both = no_mistake(base, c), epsilons = 0;
    size_t trials = trials_scan(trial, &c->file.settings,
                                judges_gradients(c));
    while (epsilons < trials && trial[epsilons].value == 1e-6)
        epsilons++;
    for (size_t i = 0; i < both && !explained(c); i++) {
        struct set one[BEAM] = { base[i] };
        size_t bases = 1;
        if (!narrow(c, base[i].released, trial, epsilons)
            || !try_all(c, one, &bases, trial, trials))
            return false;
    }
    return true;
}

static bool explain(struct check *c)
{
    struct set base[BEAM];
    size_t bases = no_mistake(base, c);
    struct trial *trial = memory_new(TRIALS, sizeof *trial, c->message);
    bool good = trial != NULL
        && try_all(c, base, &bases, c->trial, c->trials)
        && (explained(c) || scan(c, trial));
    for (size_t more = 1; good && more < EXPLANATION && bases > 0
         && !explained(c); more++)
        good = try_all(c, base, &bases, c->trial, c->trials);
    memory_free(trial);
    return good;
}

// What this file cannot show
static bool shows(const struct job *job, const struct verdict *v)
{
    for (size_t p = 0; p < PARTS; p++)
        if (v->given[p] && moves(job, p))
            return true;
    return false;
}

/* of those that are blind so far, which are in this view? */
static bool find_blind(struct check *c, const struct view *view)
{
    struct job *job = memory_new(c->trials, sizeof *job, c->message);
    size_t jobs = 0;
    for (size_t i = 0; job != NULL && i < c->trials; i++)
        if (c->trial[i].blind) {
            struct job *j = &job[jobs++];
            *j = job_of(c, view, c->best);
            j->trial = &c->trial[i];
            j->rules = trial_rules(j->rules, j->trial);
        }
    bool good = job != NULL && run_jobs(c, job, jobs);
    for (size_t i = 0; good && i < jobs; i++)
        job[i].trial->blind = !shows(&job[i],
                                     &c->whole.verdict[c->best]);
    memory_free(job);
    return good;
}

// Would coarser numbers explain it?
/* are at least half of the errors as large as rounding makes them? */
static bool looks_rough(const struct verdict *coarse,
                        const struct verdict *fine)
{
    size_t off = 0, rough = 0;
    for (size_t p = 0; p < PARTS; p++)
        if (fine->given[p] && !agrees(fine, p)) {
            off++;
            rough += coarse->error[p] > coarse->tolerance[p] / 32;
        }
    return 2 * rough >= off;
}

static bool find_rough(struct check *c)
{
    static const char *const name[] = { "tf32", "bf16" };
    for (size_t i = 0; i < 2 && c->rough == NULL; i++) {
        const struct verdict *fine = &c->whole.verdict[c->best];
        struct verdict v = *fine;
        const struct precision *between = precision_of(name[i]);
        if (between->u <= c->between->u)
            continue;
        if (!find_tolerance(v.tolerance, c, c->best, between))
            return false;
        count_agreements(&v);
        if (v.agree == v.of && looks_rough(&v, fine))
            c->rough = name[i];
    }
    return true;
}

// Run a check
/* all agree as released, or not; so does the other one, transposed? */
static bool find_alias(struct check *c, bool released)
{
    struct job j = job_of(c, &c->whole, !released);
    j.rules.forward.wrong = j.rules.backward.wrong
                          = MISTAKE(TRANSPOSED);
    if (!run_jobs(c, &j, 1))
        return false;
    struct verdict v = verdict_of(c, &j);
    c->alias = v.agree == v.of
            && c->whole.verdict[!released].agree < v.of;
    return true;
}
static bool search(struct check *c)
{
    const struct verdict *v = &c->whole.verdict[c->best];
    const struct verdict *other = &c->whole.verdict[!c->best];
    c->explained = *v;
    if (v->agree == v->of)
        return c->only != EITHER || find_alias(c, c->best);
    if (other->agree == other->of)
        return find_alias(c, !c->best);
    return explain(c)
        && (explained(c) || 2 * v->agree >= v->of || find_rough(c));
}

static bool look_closer(struct check *c)
{
    const struct boundary *b = &c->whole.hers;
    bool all = few_tokens(b) == b->tokens;
    c->view = all ? &c->whole : &c->few;
    c->trials = trials_known(c->trial, &c->file.settings,
                             judges_gradients(c));
    for (size_t i = 0; i < c->trials; i++)
        c->trial[i].blind = !c->trial[i].quiet
            && *c->trial[i].where == '\0'
            && !trial_is_harmless(&c->trial[i], c->best);
    return (all || view_few(c)) && search(c) && find_blind(c, c->view)
        && (all || find_blind(c, &c->whole));
}

bool check_run(struct check *c, const char *precision,
               struct message *m)
{
    const struct verdict *v = c->whole.verdict;
    c->whole = (struct view){ .hers = c->file.hers };
    c->few = (struct view){ .memory = { NULL } };
    c->message = m;
    bool good = find_precision(c, precision)
             && open_view(&c->whole, m);
    // Find what is not counted
    find_roundings(&c->whole, c);
    find_givens(c);
    good = good && judge(c, false) && judge(c, true);
    c->best = c->only == EITHER ? v[1].agree > v[0].agree
                                : c->only == ONLY_RELEASED;
    if (good && v->of == 0)
        good = fail(m, EX_DATAERR, "there is nothing to compare: none "
                    "of the tensors that are made of these");
    good = good && look_closer(c);
    close_view(&c->whole);
    close_view(&c->few);
    return good;
}

// Print the verdict
static const char *const conventions[] =
    { "the paper's form", "DeepSeek-V4's released form" };

static void print_settings(FILE *out, const struct check *c)
{
    const struct boundary *b = &c->file.hers;
    const struct settings *s = &c->file.settings;
    fprintf(out, "%zu token%s, %zu stream%s of width %zu, %zu "
            "iteration%s\n", b->tokens, b->tokens > 1 ? "s" : "",
            b->streams, b->streams > 1 ? "s" : "", b->width,
            s->iterations, s->iterations > 1 ? "s" : "");
    fprintf(out, "norm_epsilon %.3g, sinkhorn_epsilon %.3g (as "
            "released only)\n\n", s->norm_epsilon, s->sinkhorn_epsilon);
}

static bool is_lost(const struct check *c, size_t p)
{
    const struct verdict *v = &c->whole.verdict[c->best];
    double rough = v->tolerance[p];
    // Add what is not counted
    rough += c->whole.part[p].own.step;
    return v->given[p] && v->scale[p] > 0 && rough > v->scale[p];
}

static void print_part(FILE *out, const struct check *c, size_t p)
{
    const struct verdict *v = c->whole.verdict;
    const char *name = c->file.type[c->whole.part[p].role]->name;
    // Leave out what a name begins with
    name += strncasecmp(name, "F8_", 3) == 0 ? 3 : 0;
    fprintf(out, "%-11s %5s", c->whole.part[p].name, name);
    for (int k = -1; k < 2; k++) {
        const struct verdict *w = &v[k < 0 ? (int)c->best : k];
        double unit = w->scale[p] > 0 ? w->scale[p] : 1;
        double x = k < 0 ? w->tolerance[p] : w->error[p];
        const char *mark = k < 0 ? is_lost(c, p) ? "~" : " "
                         : agrees(w, p) ? "  " : " *";
        fprintf(out, " %10.2g%s", x / unit, mark);
    }
    fprintf(out, "\n");
}

static void print_parts(FILE *out, const struct check *c)
{
    bool lost = false;
    fprintf(out, "%-11s %5s %10s %13s %12s\n", "tensor", "type",
            "tolerance", "paper", "as released");
    for (size_t p = 0; p < PARTS; p++) {
        if (c->whole.verdict->given[p])
            print_part(out, c, p);
        lost = lost || is_lost(c, p);
    }
    fprintf(out, "* more than rounding explains; all by the root mean "
            "square of the tensor\n");
    if (lost)
        fprintf(out, "~ cannot be judged in this precision: rounding "
                "can be as large as the tensor\n");
}
static void print_missing(FILE *out, const struct check *c)
{
    const struct boundary *hers = &c->file.hers;
    for (int can = 1; can >= 0; can--) {
        int used = 0;
        for (int i = H_PRE; i < ITEMS; i++) {
            bool makes = reference_makes(hers, (enum item)i);
            bool skipped = can ? hers->at[i] == NULL
                         : hers->at[i] != NULL && !makes;
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

static void print_rivals(FILE *out, const struct check *c)
{
    enum { SHOWN = 5 };
    double unit = (c->found->there | c->found->back) == 1U << HALF_STEPS
                ? 2 : 1;
    if (c->founds == 1 && c->least < c->most)
        fprintf(out, "or, as likely, other values: %.2g to %.2g\n",
                c->least / unit, c->most / unit);
    for (size_t i = 0; i < c->rival_count && i < SHOWN; i++)
        print_trial(out, "or, as likely: ", &c->rivals[i]);
    if (c->rival_count > SHOWN)
        fprintf(out, "or, as likely, %zu more mistakes or values\n",
                c->rival_count - SHOWN);
}

static void print_found(FILE *out, const struct check *c)
{
    const struct verdict *v = &c->explained;
    const struct verdict *before = &c->whole.verdict[c->found_released];
    for (size_t i = 0; i < c->founds; i++)
        print_trial(out, i > 0 ? "and: " : explained(c)
                    ? "likely mistake: " : "nearest: ", &c->found[i]);
    print_rivals(out, c);
    fprintf(out, "with %s made, %zu of %zu agree with %s:\n%s %zu of "
            "the %zu that did not\n", c->founds > 1 ? "these" : "it",
            v->agree, v->of, conventions[c->found_released],
            c->founds > 1 ? "they explain" : "it explains",
            v->agree - before->agree, v->of - before->agree);
}

static void print_explanation(FILE *out, const struct check *c)
{
    const struct verdict *v = &c->explained;
    if (!explained(c))
        fprintf(out, "no known mistake explains it\n");
    if (c->founds > 0)
        print_found(out, c);
    if (v->agree < v->of) {
        fprintf(out, "not explained:");
        for (size_t p = 0; p < PARTS; p++)
            if (v->given[p] && !agrees(v, p))
                fprintf(out, " %s", c->whole.part[p].name);
        fprintf(out, "\n");
    }
    if (v->agree < v->of && c->rough != NULL)
        fprintf(out, "or no mistake, but calculated in %s "
                "(--precision %s)\n", c->rough, c->rough);
}
void check_print(FILE *out, const struct check *c)
{
    const struct verdict *v = c->whole.verdict, *best = &v[c->best];
    print_settings(out, c);
    print_parts(out, c);
    print_missing(out, c);
    fputs(c->file.notices, out);
    // Say more of what is printed
    for (size_t p = 0, said = 0; p < PARTS; p++)
        if (!said && c->whole.verdict->given[p]
            && c->whole.part[p].own.u > 0) {
            said = 1;
            // Say how the trace was made
            if (c->file.precision[0] != '\0' && c->kept == NULL) {
                fprintf(out, "what a rounding to %s explains is not counted: the "
                        "trace says that\nit was made so; gradients that are given "
                        "were used before they were rounded\n",
                        is_told(c, "fp8-streams") ? "bf16 or E4M3" : "bf16");
                break;
            }
            fprintf(out, "what a rounding to eight bits explains is not "
                    "counted\n");
        }
    for (int i = 0; i < ITEMS; i++)
        if (c->file.odd[i])
            fprintf(out, "the scales of %s are not all powers of two\n",
                    check_names[i].name);
    for (size_t k = 0; k < 2; k++)
        fprintf(out, "%zu of %zu agree with %s\n", v[k].agree, v[k].of,
                conventions[k]);
    if (best->agree < best->of && v[!c->best].agree == best->of)
        fprintf(out, "no mistake is looked for: it agrees under the "
                "other convention\n");
    else if (best->agree < best->of)
        print_explanation(out, c);
    if (c->alias && best->agree < best->of)
        fprintf(out, "with h_res used transposed all agree with %s, "
                "too\n", conventions[c->best]);
    else if (c->alias)
        fprintf(out, "with h_res used transposed all agree with %s, "
                "too: say which is meant, --convention %s\n",
                conventions[!c->best], c->best ? "paper" : "released");
    size_t blind = 0;
    for (size_t i = 0; i < c->trials; i++)
        if (c->trial[i].blind)
            fprintf(out, "%s  %s\n", blind++ ? ""
                    : "these mistakes would not show in this file:\n",
                    c->trial[i].saying);
}
