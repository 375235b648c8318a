#include "support/cpu.h"
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>
#include "experiment/cost.h"
#include "experiment/experiment.h"
#include "experiment/results.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include "training/training.h"

// A small experiment
static char folder[64], file[128];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/experiment-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(file, sizeof file, "%s/plan.csv", folder);
}

static void remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
}

static void put(const char *text)
{
    FILE *f = fopen(file, "w");
    ck_assert_ptr_nonnull(f);
    fputs(text, f);
    ck_assert_int_eq(fclose(f), 0);
}

// A tiny configuration and a tiny corpus
static struct configuration tiny(void)
{
    struct configuration c = configuration_default();
    c.layers = 1;
    c.width = 8;
    c.heads = 1;
    c.context = 8;
    c.batch = 2;
    c.steps = 5;
    c.evaluate_every = 2;
    c.evaluate_windows = 3;
    return c;
}

static const struct corpus *text(void)
{
    static unsigned char byte[400];
    static struct corpus c = { { byte, 300 }, { byte + 300, 100 },
                               { 0 } };
    for (size_t i = 0; i < sizeof byte; i++)
        byte[i] = (unsigned char)("abcdefgh"[i % 7 + i / 200]);
    return &c;
}

// Tests of the experiment
/* fails if an empty cell is skipped, and the next one stands under its
   name */
START_TEST(a_table_is_cut_at_commas_and_lines)
{
    struct table t;
    struct message m = { 0 };
    put("# a comment\n a, b ,c\n\n1, x y,\r\n-2.5,,3");
    ck_assert_msg(table_read(&t, file, &m), "%s", m.text);
    ck_assert_uint_eq(t.rows, 2);
    ck_assert_uint_eq(t.columns, 3);
    ck_assert_str_eq(table_text(&t, 0, "b"), "x y");
    ck_assert_str_eq(table_text(&t, 0, "none"), "");
    ck_assert_double_eq(table_number(&t, 1, "a"), -2.5);
    ck_assert_double_eq(table_number(&t, 1, "c"), 3);
    ck_assert_double_nan(table_number(&t, 0, "b"));
    ck_assert_double_nan(table_number(&t, 1, "b"));
    table_free(&t);
}
END_TEST
static const struct { const char *text, *says; } bad_plan[] = {
    { "arm,seeds\n", NULL },
    { "arm,seeds\na,1-2,3\n", ":2: 3 cells under 2 names" },
    { "arm,seeds\na,1-1\nb,2\n", "row 2: seeds 2: 1-8 is wanted" },
    { "arm,seeds\nabcdefghijklmnopqrstuvwxyz-abcde,1-1\n",
      "-abcde: a name has 31 letters at most" },
    { "arm,seeds\na,3-2\n", "row 1: a: seeds 3-2" },
    { "arm,seeds\na,1-1000\n", NULL },
    { "arm,seeds\na,1-1001\n", "row 1: a: seeds 1-1001" },
    { "arm,seeds\n,1-1\n", "has no name" },
    { "arm,seeds\na/b,1-1\n", "slash" },
    { "arm,seeds,depth\na,1-1,4\n", "depth" },
    { "arm,seeds,layers\na,1-1,none\n", "layers" },
    { "arm,seeds,heads\na,1-1,3\n", "heads" },
    { "# nothing\n", "no table" },
};

/* fails if a row that cannot be read is run with defaults */
START_TEST(a_plan_that_cannot_be_says_why)
{
    struct plan p;
    struct message m = { 0 };
    struct configuration c = tiny();
    put(bad_plan[_i].text);
    bool well = plan_read(&p, file, &c, &m);
    ck_assert(well == !bad_plan[_i].says);
    if (!well) {
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert_msg(strstr(m.text, bad_plan[_i].says), "%s", m.text);
    }
    plan_free(&p);
}
END_TEST
/* fails if all seeds of an arm come before the next arm */
START_TEST(every_arm_gets_its_first_seed_before_any_its_second)
{
    struct plan p;
    struct message m = { 0 };
    struct configuration c = tiny();
    static const struct { const char *arm; size_t seed, layers; } want[]
        = { { "a", 1, 1 }, { "b", 7, 2 }, { "c", 1, 3 }, { "a", 2, 1 },
            { "c", 2, 3 }, { "c", 3, 3 } };
    put("arm,layers,seeds\na,1,1-2\nb,2,7-7\nc,3,1-3\n");
    ck_assert_msg(plan_read(&p, file, &c, &m), "%s", m.text);
    ck_assert_uint_eq(p.runs, 6);
    for (size_t i = 0; i < p.runs; i++) {
        ck_assert_str_eq(p.run[i].arm, want[i].arm);
        ck_assert_uint_eq(p.run[i].configuration.seed, want[i].seed);
        ck_assert_uint_eq(p.run[i].configuration.layers,
                          want[i].layers);
        ck_assert_uint_eq(p.run[i].configuration.width, 8);
    }
    plan_free(&p);
}
END_TEST
/* fails if a weight or a window depends on the connection as well as on
   the seed */
START_TEST(arms_of_one_seed_share_weights_and_batches)
{
    struct message m = { 0 };
    struct configuration c = tiny();
    struct trainer plain, other;
    struct update u;
    const struct connection *k = connections[_i];
    c.layers = 2;
    ck_assert(trainer_open(&plain, &c, &cpu, text(), &m));
    snprintf(c.connection, sizeof c.connection, "%s", k->name);
    c.streams = k->most_streams < 4 ? k->most_streams : 4;
    ck_assert_msg(trainer_open(&other, &c, &cpu, text(), &m), "%s",
                  m.text);
    // Compare the weights that both have
    for (size_t i = 0; i < plain.model.parameters.used; i++) {
        const struct parameter *p = &plain.model.parameters.list[i];
        const struct parameter *q = parameter_find(
            &other.model.parameters, p->name);
        ck_assert_msg(q && p->count == q->count, "%s", p->name);
        assert_same(reals(other.model.weights) + q->offset,
                    reals(plain.model.weights) + p->offset, p->count);
    }
    ck_assert(trainer_step(&u, &plain, &m));
    ck_assert(trainer_step(&u, &other, &m));
    ck_assert_mem_eq(plain.input, other.input,
                     c.batch * c.context * sizeof(token));
    trainer_close(&plain);
    trainer_close(&other);
}
END_TEST
static void read_run(char *to, size_t room, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/runs/%s", folder, name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f, "%s", path);
    to[fread(to, 1, room - 1, f)] = '\0';
    fclose(f);
}

static char *run_all(const struct plan *p, const char *runs)
{
    char *said = NULL;
    size_t length;
    struct message m = { 0 };
    FILE *progress = open_memstream(&said, &length);
    ck_assert_msg(experiment_all(p, text(), runs, 2, progress, &m),
                  "%s", m.text);
    fclose(progress);
    return said;
}

/* fails if a record of another configuration counts as done, or a
   complete one is made again */
START_TEST(what_is_done_is_kept_and_what_changed_is_redone)
{
    char runs[128], before[4096], after[4096];
    struct plan p;
    struct message m = { 0 };
    struct configuration c = tiny();
    snprintf(runs, sizeof runs, "%s/runs", folder);
    put("arm,rate,seeds\na,1e-3,1-2\nb,2e-3,1-1\n");
    ck_assert(plan_read(&p, file, &c, &m));
    // Run all, and read what is said of it
    char *said = run_all(&p, runs);
    ck_assert_ptr_nonnull(strstr(said, "0 of 3 runs are done already\n"));
    ck_assert_ptr_nonnull(strstr(said, "run 3 of 3: "));
    ck_assert_str_eq(strrchr(said, ';'), "; about 0 min left\n");
    free(said);
    // Mark a record, take one away, change the plan
    read_run(before, sizeof before, "a-2.csv");
    snprintf(file, sizeof file, "%s/runs/a-1.csv", folder);
    FILE *f = fopen(file, "a");
    fputs("# marked\n", f);
    fclose(f);
    snprintf(file, sizeof file, "%s/runs/a-2.csv", folder);
    ck_assert_int_eq(unlink(file), 0);
    p.run[1].configuration.rate = 3e-3;
    ck_assert(experiment_done(&p.run[0], runs));
    ck_assert(!experiment_done(&p.run[1], runs));
    ck_assert(!experiment_done(&p.run[2], runs));
    said = run_all(&p, runs);
    ck_assert_ptr_nonnull(strstr(said, "1 of 3 runs are done already\n"));
    free(said);
    read_run(after, sizeof after, "a-1.csv");
    ck_assert_ptr_nonnull(strstr(after, "# marked"));
    read_run(after, sizeof after, "b-1.csv");
    ck_assert_ptr_nonnull(strstr(after, "rate=0.003"));
    // Compare the run that was done twice
    read_run(after, sizeof after, "a-2.csv");
    char *x = before, *y = after, *one, *two;
    while ((one = strsep(&x, "\n")) && (two = strsep(&y, "\n"))) {
        size_t same = *one == '#' || !strchr(one, ',') ? strlen(one)
            : (size_t)(strrchr(one, ',') - one);
        ck_assert_msg(strncmp(one, two, same) == 0, "%s\n%s", one, two);
    }
    plan_free(&p);
}
END_TEST
enum { CAME_BACK = 42 };

/* fails if the process that was asked trains, and ends, in place of its
   child */
START_TEST(who_asks_for_runs_outlives_them)
{
    struct planned p = { .arm = "plain", .configuration = tiny() };
    struct plan plan = { &p, 1 };
    struct message m = { 0 };
    int status;
    pid_t asks = fork();
    ck_assert_int_ge(asks, 0);
    if (asks == 0) {
        experiment_all(&plan, text(), folder, 1, NULL, &m);
        _exit(CAME_BACK);
    }
    ck_assert_int_eq(waitpid(asks, &status, 0), asks);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), CAME_BACK);
    ck_assert(experiment_done(&p, folder));
}
END_TEST
/* fails if a row is made of other updates than those since the look
   before */
START_TEST(a_record_says_what_the_trainer_did)
{
    struct planned p = { .arm = "plain", .configuration = tiny() };
    struct message m = { 0 };
    struct table r;
    struct trainer t;
    ck_assert_msg(experiment_run(&p, text(), folder, &m), "%s", m.text);
    snprintf(file, sizeof file, "%s/plain-1.safetensors", folder);
    ck_assert_int_eq(access(file, R_OK), 0);
    snprintf(file, sizeof file, "%s/plain-1.csv", folder);
    ck_assert(table_read(&r, file, &m));
    ck_assert_uint_eq(r.rows, 4);
    ck_assert(trainer_open(&t, &p.configuration, &cpu, text(), &m));
    for (size_t i = 0; i < r.rows; i++) {
        // Repeat a row of the record
        double nats, loss = 0, norm = 0, largest = 0, steps = 0;
        size_t step = (size_t)table_number(&r, i, "step");
        while (t.bookmark.step < step) {
            struct update u;
            ck_assert(trainer_step(&u, &t, &m));
            loss += u.loss;
            norm += u.norm;
            largest = fmax(largest, u.norm);
            steps++;
        }
        ck_assert(trainer_evaluate(&nats, &t, 3, &m));
        ck_assert_double_eq_tol(table_number(&r, i, "held_out"), nats, 1e-6);
        ck_assert_double_eq(table_number(&r, i, "forward"), 1);
        if (i == 0)
            continue;
        ck_assert_double_eq_tol(table_number(&r, i, "loss"), loss / steps,
                                1e-6);
        ck_assert_double_eq_tol(table_number(&r, i, "norm"), norm / steps,
                                1e-3 * norm);
        ck_assert_double_eq_tol(table_number(&r, i, "largest_norm"), largest,
                                1e-3 * norm);
        ck_assert_double_gt(table_number(&r, i, "seconds"), 0);
        ck_assert_double_lt(table_number(&r, i, "seconds"), 10);
    }
    trainer_close(&t);
    table_free(&r);
}
END_TEST
/* fails if samples are paired in the order of their rows */
START_TEST(samples_are_matched_by_seed)
{
    struct table t;
    struct message m = { 0 };
    put("arm,seed,step,x\na,2,1,5\na,2,2,6\na,1,2,7\nb,1,2,1\nb,3,2,2\n"
        "b,2,2,3\n");
    ck_assert(table_read(&t, file, &m));
    struct sample a = sample_of(&t, "a", "x");
    struct sample b = sample_of(&t, "b", "x");
    ck_assert_uint_eq(a.count, 2);
    ck_assert_uint_eq(b.count, 3);
    ck_assert_uint_eq(sample_at(&t, "a", 1, "x").count, 1);
    struct paired p = sample_compare(a, b);
    ck_assert_uint_eq(p.pairs, 2);
    ck_assert_double_eq_tol(p.mean, ((6 - 3) + (7 - 1)) / 2., 1e-12);
    table_free(&t);
}
END_TEST
/* fails if a run that is refused leaves a record, and counts as done */
START_TEST(a_run_that_cannot_begin_leaves_nothing)
{
    struct planned p = { .arm = "odd", .configuration = tiny() };
    struct message m = { 0 };
    glob_t found;
    p.configuration.heads = 3;
    ck_assert(!experiment_run(&p, text(), folder, &m));
    snprintf(file, sizeof file, "%s/*odd*", folder);
    ck_assert_int_eq(glob(file, GLOB_PERIOD, NULL, &found),
                     GLOB_NOMATCH);
}
END_TEST

/* fails if a loss that is not finite stops all runs, or leaves no row
   */
START_TEST(a_run_that_breaks_leaves_a_record_that_says_so)
{
    struct planned p = { .arm = "wild", .configuration = tiny() };
    struct plan plan = { &p, 1 };
    struct message m = { 0 };
    struct table t;
    p.configuration.rate = 1000;
    p.configuration.steps = 400;
    p.configuration.warmup = 0;
    p.configuration.clip = 0;
    p.configuration.decay = 1000;
    ck_assert_msg(experiment_run(&p, text(), folder, &m), "%s", m.text);
    FILE *out = fopen(file, "w");
    ck_assert(experiment_print(out, &plan, folder, &m));
    fclose(out);
    ck_assert(table_read(&t, file, &m));
    ck_assert_str_eq(table_text(&t, t.rows - 1, "arm"), "wild");
    ck_assert_double_nan(table_number(&t, t.rows - 1, "held_out"));
    ck_assert_double_lt(table_number(&t, t.rows - 1, "step"), 400);
    ck_assert(isfinite(table_number(&t, 0, "held_out")));
    table_free(&t);
}
END_TEST
/* fails if the way back is counted once and not twice, or all of the
   context for each token */
START_TEST(operations_counted_by_hand)
{
    struct configuration c = tiny();
    /* qkv, out: 4 * 64; gate, up, down: 3 * 8 * 32; head: 8 * 256;
       attention: 2 * 8 * 9 */
    double token = 3 * (2 * (256 + 768 + 2048) + 144);
    ck_assert_double_eq(cost_of_run(&c), token * 2 * 8 * 5);
    /* two sublayers: phi of 8 rows and 16 columns; 4 + 4 products a
       channel */
    strcpy(c.connection, "mhc");
    c.streams = 2;
    token += 3 * 2 * (2 * 128 + 2 * 8 * 8);
    ck_assert_double_eq(cost_of_run(&c), token * 2 * 8 * 5);
    /* what cannot be built costs nothing */
    c.heads = 3;
    ck_assert_double_eq(cost_of_run(&c), 0);
    strcpy(c.connection, "none");
    ck_assert_double_eq(cost_of_run(&c), 0);
}
END_TEST
// What the chapter claims
static const struct claim {
    const char *arm, *against;
    double mean;
    bool clear;             /* does it hold after Holm's correction? */
    bool again;             /* with the seeds of the second plan */
} claim[] = {
    { "wide-hc", "wide", -0.030, true, false },
    { "deep-hc", "deep", -0.092, true, false },
    { "wide-mhc", "wide", -0.013, true, false },
    { "deep-mhc", "deep", -0.033, false, false },
    { "wide-identity", "wide", -0.010, false, false },
    { "deep-identity", "deep", -0.040, true, false },
    { "wide-mhc", "wide-identity", -0.003, false, false },
    { "deep-mhc", "deep-identity", 0.006, false, false },
    { "deep-mhc", "deep-hc", 0.058, true, false },
    { "wide-mhc", "wide-hc", 0.016, false, false },
    { "deep", "wide", 0.065, true, false },
    { "deep-mhc", "wide-mhc", 0.045, true, false },
    { "wide-mhc", "wide-flops", 0.038, true, false },
    { "deep-mhc", "deep-flops", 0.083, true, false },
    { "wide-mhc", "wide-time", 0.099, true, false },
    { "deep-mhc", "deep-time", 0.159, true, false },
    { "wide-hc", "wide-time", 0.083, true, false },
    { "deep-hc", "deep-time", 0.103, true, false },
    { "wide-mhc-1", "wide", -0.005, false, false },
    { "wide-mhc-2", "wide", -0.012, false, false },
    { "wide-mhc", "wide-mhc-2", -0.007, false, false },
    { "wide-mhc-8", "wide-mhc", -0.008, false, false },
    { "deep-free", "deep", 0.021, false, false },
    { "deep-hc-free", "deep-hc", 0.017, false, false },
    { "deep-mhc-free", "deep-mhc", -0.002, false, false },
    { "deep-hc", "deep", -0.096, true, true },
    { "deep-mhc", "deep", -0.036, true, true },
    { "deep-identity", "deep", -0.035, true, true },
    { "deep-mhc", "deep-hc", 0.060, true, true },
    { "deep-mhc", "deep-identity", -0.001, false, true },
};

/* fails if the runs were made again and a sentence of the chapter is no
   longer true */
START_TEST(what_the_chapter_says_is_what_was_measured)
{
    struct table t;
    struct message m = { 0 };
    const struct claim *c = &claim[_i];
    ck_assert_msg(table_read(&t, c->again
                             ? "data/results/repetition.csv"
                             : "data/results/comparisons.csv", &m),
                  "%s", m.text);
    size_t r = 0;
    while (r < t.rows && (strcmp(table_text(&t, r, "arm"), c->arm) != 0
           || strcmp(table_text(&t, r, "against"), c->against) != 0))
        r++;
    ck_assert_msg(r < t.rows, "%s, %s", c->arm, c->against);
    double mean = table_number(&t, r, "mean");
    double p = table_number(&t, r, "holm");
    ck_assert_msg(fabs(mean - c->mean) < 0.00051
                  && (p < 0.05) == c->clear, "%s is %+.4f against %s,"
                  " p %.4f", c->arm, mean, c->against, p);
    table_free(&t);
}
END_TEST
static const struct cell {
    const char *file, *row, *column, *over;  /* NULL: not a ratio */
    double said, within;
} cell[] = {
    { "summary", "wide-hc", "loss", NULL, 1.683, 0.0005 },
    { "summary", "deep-hc", "loss", NULL, 1.686, 0.0005 },
    { "summary", "deep-mhc", "most", NULL, 37, 0.5 },
    { "summary", "deep-mhc-free", "most", NULL, 42, 0.5 },
    { "summary", "wide-mhc", "norm", "wide", 1.02, 0.01 },
    { "summary", "deep-mhc", "norm", "deep", 0.98, 0.01 },
    { "summary", "wide-hc", "norm", "wide", 1.25, 0.05 },
    { "summary", "deep-hc", "norm", "deep", 1.25, 0.05 },
    { "summary", "deep-hc", "bwd", NULL, 66, 0.5 },
    { "summary", "wide-mhc", "bwd", NULL, 1.1, 0.1 },
    { "summary", "deep-mhc", "bwd", NULL, 1.1, 0.1 },
    { "summary", "wide-mhc", "fwd", NULL, 1, 1e-6 },
    { "summary", "deep-mhc", "fwd", NULL, 1, 1e-6 },
    { "arms", "wide", "parameters", NULL, 36e4, 3e3 },
    { "arms", "deep", "parameters", "wide", 1, 0.005 },
    { "arms", "wide-mhc", "parameters", "wide", 1.17, 0.005 },
    { "arms", "deep-mhc", "parameters", "deep", 1.31, 0.005 },
    { "arms", "deep-mhc", "parameters", "wide-mhc", 1.11, 0.005 },
    { "arms", "wide-mhc-8", "parameters", "wide", 2.1, 0.1 },
    { "arms", "wide-hc", "xflop", NULL, 1.05, 0.005 },
    { "arms", "deep-hc", "xflop", NULL, 1.08, 0.005 },
    { "arms", "wide-mhc", "xflop", NULL, 720 / 600., 0.01 },
    { "arms", "deep-mhc", "xflop", NULL, 800 / 600., 0.01 },
    { "wide_residual_against", "deep", "mean", NULL, -0.045, 0.0005 },
    { "wide_residual_against", "deep-identity", "mean", NULL, -0.005,
      0.0005 },
    { "wide_residual_against", "deep-mhc", "mean", NULL, -0.012,
      0.0005 },
    { "overhead", "48", "mhc_time", NULL, 1.70, 0.005 },
    { "overhead", "80", "mhc_time", NULL, 1.49, 0.005 },
    { "overhead", "384", "mhc_time", NULL, 1.16, 0.005 },
    { "overhead", "768", "mhc_time", NULL, 1.11, 0.005 },
    { "overhead", "48", "identity_time", NULL, 1.41, 0.005 },
    { "overhead", "384", "identity_time", NULL, 1.10, 0.005 },
    { "recompute", "5", "four_held", "0", 0.72, 0.005 },
    { "recompute", "5", "four_ratio", NULL, 1.10, 0.005 },
    { "recompute", "0", "four_held", NULL, 287, 0.5 },
    { "sinkhorn_speed", "by division", "ratio", NULL, 5.3, 0.05 },
    { "sweep", "4", "apart", NULL, 2516, 0 },
    { "sweep", "4", "sweep", NULL, 2516 * 0.89, 12 },
    { "sweep", "4", "sweep_back", NULL, 4984 * 0.91, 25 },
    { "mixers", "60", "median_10", NULL, 2.8, 0.05 },
    { "mixers", "60", "median_20", NULL, 18, 0.5 },
    { "beginnings", "0 and -8", "left_60", NULL, 0.92, 0.005 },
    { "upcycle", "1000", "upcycled", NULL, 1.858, 0.0005 },
    { "upcycle", "1000", "mhc", NULL, 1.840, 0.0005 },
    { "upcycle", "1000", "residual", NULL, 1.860, 0.0005 },
    { "power", "pilot-wide-mhc", ".02", NULL, 6, 0 },
    { "power", "pilot-deep-mhc", ".02", NULL, 5, 1 },
    { "power", "pilot-deep-mhc", "sd", NULL, 0.010, 0.0005 },
    { "repetition", "again", "n", NULL, 14, 0 },
    { "curves", "150", "deep_hc_forward", NULL, 30, 5 },
    { "curves", "150", "deep_hc_backward", NULL, 30, 5 },
    { "curves", "600", "deep_hc_forward", NULL, 4, 0.5 },
    { "curves", "600", "deep_hc_backward", NULL, 2, 0.5 },
};

static double cell_of(const char *file, const char *row,
                      const char *column)
{
    struct table t;
    struct message m = { 0 };
    char path[64];
    snprintf(path, sizeof path, "data/results/%s.csv", file);
    ck_assert_msg(table_read(&t, path, &m), "%s", m.text);
    size_t r = 0;               /* row 0 of the cells is the head */
    while (r < t.rows && strcmp(t.cell[(r + 1) * t.columns], row) != 0)
        r++;
    ck_assert_msg(r < t.rows, "%s has no %s", file, row);
    double value = table_number(&t, r, column);
    table_free(&t);
    return value;
}

/* fails if a number in the prose is not that of the table it comes from
   */
START_TEST(a_cell_is_what_the_chapter_says)
{
    const struct cell *c = &cell[_i];
    double value = cell_of(c->file, c->row, c->column);
    if (c->over)
        value /= cell_of(c->file, c->over, c->column);
    ck_assert_msg(fabs(value - c->said) <= c->within, "%s, %s of %s is"
                  " %g, not %g", c->file, c->column, c->row, value,
                  c->said);
}
END_TEST

/* fails if a record of the plan is missing or broke off, which the
   chapter denies */
START_TEST(no_run_was_lost)
{
    struct table t;
    struct message m = { 0 };
    ck_assert_msg(table_read(&t, "data/results/summary.csv", &m), "%s",
                  m.text);
    double runs = 0;
    for (size_t r = 0; r < t.rows; r++) {
        ck_assert(table_number(&t, r, "lost") == 0);
        runs += table_number(&t, r, "runs");
    }
    ck_assert(runs == 94);
    table_free(&t);
}
END_TEST
/* where the whole interval lies: below the margin, above zero, above
   the margin */
enum { BELOW = 1, COSTS = 2, BEYOND = 4 };
static const struct { const char *arm; double mean; int lies; }
cost[] = {
    { "wide-fp8", 0.0144, 0 }, { "wide-mhc-fp8", 0.0005, BELOW },
    { "deep-fp8", 0.008, BELOW }, { "deep-mhc-fp8", 0.010, 0 },
    { "deep-near", 0.067, COSTS | BEYOND },
    { "deep-mhc-near", 0.056, COSTS | BEYOND },
    { "deep-chance", 0.120, COSTS | BEYOND },
    { "deep-mhc-chance", 0.043, COSTS | BEYOND },
    { "wide-near", 0.027, COSTS },
    { "wide-chance", 0.036, COSTS | BEYOND },
    { "wide-mhc-near", 0.015, 0 }, { "wide-mhc-chance", 0.011, 0 },
    { "wide-mhc-mean", -0.001, BELOW },
    { "deep-mhc-mean", 0.017, COSTS } };

START_TEST(what_eight_bits_cost_is_what_was_measured)
{
    struct table t;
    struct message m = { 0 };
    size_t r = 0;
    ck_assert_msg(table_read(&t, "data/results/precision_against.csv",
                             &m), "%s", m.text);
    while (r < t.rows && strcmp(table_text(&t, r, "arm"), cost[_i].arm))
        r++;
    ck_assert(r < t.rows);
    double low = table_number(&t, r, "low");
    double high = table_number(&t, r, "high");
    ck_assert(fabs(table_number(&t, r, "mean") - cost[_i].mean)
              < 0.00051);
    ck_assert_int_eq((high < 0.02 ? BELOW : 0) | (low > 0 ? COSTS : 0)
                     | (low > 0.02 ? BEYOND : 0), cost[_i].lies);
    table_free(&t);
}
END_TEST

Suite *experiment_suite(void);
Suite *experiment_suite(void)
{
    Suite *s = suite_create("experiment");
    TCase *c = tcase_create("tables");
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    // Register the tests of the tables
    tcase_add_test(c, a_table_is_cut_at_commas_and_lines);
    tcase_add_loop_test(c, a_plan_that_cannot_be_says_why, 0,
                        (int)(sizeof bad_plan / sizeof bad_plan[0]));
    tcase_add_test(c, every_arm_gets_its_first_seed_before_any_its_second);
    suite_add_tcase(s, c);
    c = tcase_create("runs");
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_set_timeout(c, 60);
    // Register the tests of the runs
    int kinds = 0;
    while (connections[kinds])
        kinds++;
    tcase_add_loop_test(c, arms_of_one_seed_share_weights_and_batches, 0,
                        kinds);
    tcase_add_test(c, what_is_done_is_kept_and_what_changed_is_redone);
    tcase_add_test(c, who_asks_for_runs_outlives_them);
    tcase_add_test(c, a_record_says_what_the_trainer_did);
    tcase_add_test(c, samples_are_matched_by_seed);
    tcase_add_test(c, a_run_that_cannot_begin_leaves_nothing);
    tcase_add_test(c, a_run_that_breaks_leaves_a_record_that_says_so);
    tcase_add_test(c, operations_counted_by_hand);
    tcase_add_loop_test(c, a_cell_is_what_the_chapter_says, 0,
                        (int)(sizeof cell / sizeof cell[0]));
    tcase_add_test(c, no_run_was_lost);
    tcase_add_loop_test(c, what_the_chapter_says_is_what_was_measured, 0,
                        (int)(sizeof claim / sizeof claim[0]));
    tcase_add_loop_test(c, what_eight_bits_cost_is_what_was_measured, 0,
                        sizeof cost / sizeof *cost);
    suite_add_tcase(s, c);
    return s;
}
