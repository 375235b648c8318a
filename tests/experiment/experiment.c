#include "support/cpu.h"
#include <errno.h>
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/durable.h"
#include "experiment/cost.h"
#include "experiment/experiment.h"
#include "experiment/table.h"
#include "gain/profile.h"
#include "ground/median.h"
#include "ground/memory.h"
#include "journal/journal.h"
#include "training/training.h"

// The files of a run
static bool file_of(char path[PATH_ROOM], const char *folder,
                    const struct planned *p, const char *ending,
                    struct message *m)
{
    int length = snprintf(path, PATH_ROOM, "%s/%s-%zu.%s", folder,
                          p->arm, p->configuration.seed, ending);
    return (length > 0 && length < PATH_ROOM)
        || fail(m, EX_USAGE, "%s: too long a name", folder);
}

// Say which configuration a record is of
enum { DESCRIPTION = 4096 };

static void describe(char text[DESCRIPTION], const struct planned *p)
{
    int used = snprintf(text, DESCRIPTION, "# run:");
    for (const struct field *f = configuration_fields; f->name; f++) {
        char value[64];
        field_get(&p->configuration, f, value);
        used += snprintf(text + used, DESCRIPTION - (size_t)used,
                         " %s=%s", f->name, value);
    }
    if (*p->precision)
        used += snprintf(text + used, DESCRIPTION - (size_t)used,
                         " precision=%s", p->precision);
    snprintf(text + used, DESCRIPTION - (size_t)used, "\n");
}

bool experiment_done(const struct planned *p, const char *folder)
{
    char path[PATH_ROOM], want[DESCRIPTION], got[DESCRIPTION] = "";
    struct message m = { 0 };
    FILE *in = file_of(path, folder, p, "csv", &m) ? fopen(path, "r")
                                                   : NULL;
    if (!in)
        return false;
    describe(want, p);
    bool read = fgets(got, DESCRIPTION, in) != NULL;
    fclose(in);
    return read && strcmp(got, want) == 0;
}

// Observe a run
struct notes {
    double *loss, *norm, *seconds;  /* [steps], since the last look */
    size_t count;
};

// Look at a run
static bool observe(struct observation *o, struct trainer *t,
                    struct notes *n, struct message *m)
{
    *o = (struct observation){ .step = t->bookmark.step };
    double sum = 0;
    for (size_t i = 0; i < n->count; i++)
        sum += n->loss[i];
    o->loss = sum / (double)n->count;
    o->norm = median(n->norm, n->count);
    o->largest_norm = n->count == 0 ? NAN : n->norm[n->count - 1];
    o->seconds = median(n->seconds, n->count);
    n->count = 0;
    if (!trainer_evaluate(&o->held_out, t, t->options.evaluate_windows,
                          m))
        return false;
    // Look at the gains
    struct profile p;
    if (!profile_measure(&p, t, t->options.batch, m))
        return false;
    struct gain g = profile_extremes(&p);
    o->forward = g.forward;
    o->backward = g.backward;
    profile_close(&p);
    return true;
}

static void print_observation(FILE *out, const struct observation *o)
{
    fprintf(out, "%zu,%.6f,%.6f,%.4g,%.4g,%.6g,%.6g,%.5f\n", o->step,
            o->held_out, o->loss, o->norm, o->largest_norm, o->forward,
            o->backward, o->seconds);
}

// Run once
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// Train and observe
static bool train_observed(FILE *out, const struct planned *p,
                           struct trainer *t, struct message *m)
{
    char text[DESCRIPTION];
    size_t steps = t->options.steps, every = t->options.evaluate_every;
    struct message why = { 0 };
    struct observation o;
    struct update u;
    double *room = memory_new(3 * every, sizeof *room, m);
    if (!room)
        return false;
    struct notes n = { room, room + every, room + 2 * every, 0 };
    describe(text, p);
    fprintf(out, "%sstep,held_out,loss,norm,largest_norm,forward,"
            "backward,seconds\n", text);
    bool finite = observe(&o, t, &n, &why);
    print_observation(out, &o);
    while (finite && t->bookmark.step < steps) {
        double began = now();
        // Take a step and note it
        finite = trainer_step(&u, t, &why);
        if (finite) {
            n.seconds[n.count] = now() - began;
            n.loss[n.count] = u.loss;
            n.norm[n.count++] = u.norm;
        }
        if (!finite || u.step % every == 0 || u.step == steps) {
            // Observe, also where it broke
            bool good = observe(&o, t, &n, &why);
            if (!finite)
                o.held_out = NAN;
            finite = finite && good;
            print_observation(out, &o);
        }
    }
    memory_free(room);
    return true;
}

bool experiment_run(const struct planned *p,
                    const struct corpus *corpus, const char *folder,
                    struct message *m)
{
    struct trainer t;
    struct durable record;
    char path[PATH_ROOM], weights[PATH_ROOM];
    omp_set_num_threads(1);
    if (!file_of(path, folder, p, "csv", m)
        || !file_of(weights, folder, p, "safetensors", m)
        || (*p->precision
            && !device_open(&cpu, "cpu", p->precision, m)))
        return false;
    FILE *out = durable_text(&record, path, m);
    if (!out)
        return false;
    bool well = trainer_open(&t, &p->configuration, &cpu, corpus, m);
    if (well) {
        well = train_observed(out, p, &t, m)
            && checkpoint_write(weights, &t, m);
        trainer_close(&t);
    }
    if (well)
        return durable_commit(&record, m);
    durable_abandon(&record);
    return false;
}

// Run all
struct worker { pid_t process; size_t run; double began; };

// Start a process
static bool start(struct worker *w, const struct planned *p,
                  const struct corpus *corpus, const char *folder,
                  struct message *m)
{
    fflush(NULL);
    w->process = fork();
    if (w->process == 0) {
        struct message why = { 0 };
        bool well = experiment_run(p, corpus, folder, &why);
        if (!well)
            fprintf(stderr, "%s\n", why.text);
        _exit(well ? 0 : why.status);
    }
    if (w->process > 0)
        return true;
    w->process = 0;
    return fail(m, EX_OSERR, "no new process for %s", p->arm);
}

// Say how far we are
struct effort { double began, left, spent; };

static void tell(FILE *out, const struct planned *p,
                 const struct effort *e, size_t done, size_t runs,
                 double seconds)
{
    double rest = (now() - e->began) / e->spent * (e->left - e->spent);
    if (out)
        fprintf(out, "run %zu of %zu: %s, seed %zu, in %.0f s; about"
                " %.0f min left\n", done, runs, p->arm,
                p->configuration.seed, seconds, ceil(rest / 60));
}

bool experiment_all(const struct plan *plan,
                    const struct corpus *corpus, const char *folder,
                    size_t jobs, FILE *progress, struct message *m)
{
    size_t next = 0, busy = 0, done = 0;
    struct effort effort = { .began = now() };
    struct worker *worker = memory_new(jobs, sizeof *worker, m);
    if (!worker)
        return false;
    mkdir(folder, 0777);
    // Count what there is to do
    for (size_t i = 0; i < plan->runs; i++)
        if (experiment_done(&plan->run[i], folder))
            done++;
        else
            effort.left += cost_of_run(&plan->run[i].configuration);
    if (progress)
        fprintf(progress, "%zu of %zu runs are done already\n", done,
                plan->runs);
    while (m->status == 0 || busy > 0) {
        // Give every idle worker the next run
        for (size_t k = 0; k < jobs && m->status == 0; k++) {
            if (worker[k].process != 0)
                continue;
            while (next < plan->runs
                   && experiment_done(&plan->run[next], folder))
                next++;
            if (next == plan->runs)
                break;
            worker[k].run = next;
            worker[k].began = now();
            if (start(&worker[k], &plan->run[next++], corpus, folder, m))
                busy++;
        }
        if (busy == 0)
            break;
        // Wait for a run to end
        int status;
        pid_t process = wait(&status);
        if (process < 0 && errno != EINTR) {
            fail(m, EX_OSERR, "the runs are lost: %s", strerror(errno));
            break;
        }
        for (size_t k = 0; k < jobs; k++) {
            if (process <= 0 || worker[k].process != process)
                continue;
            const struct planned *p = &plan->run[worker[k].run];
            worker[k].process = 0;
            busy--;
            if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
                fail(m, EXIT_FAILURE, "%s, seed %zu, did not end well", p->arm,
                     p->configuration.seed);
            else {
                effort.spent += cost_of_run(&p->configuration);
                done++;
                tell(progress, p, &effort, done, plan->runs,
                     now() - worker[k].began);
            }
        }
    }
    memory_free(worker);
    return m->status == 0;
}

// Print all records
bool experiment_print(FILE *out, const struct plan *plan,
                      const char *folder, struct message *m)
{
    char path[PATH_ROOM];
    struct table t;
    for (size_t i = 0; i < plan->runs; i++) {
        const struct planned *p = &plan->run[i];
        if (!file_of(path, folder, p, "csv", m)
            || !table_read(&t, path, m))
            return false;
        for (size_t r = i == 0 ? 0 : 1; r <= t.rows; r++) {
            if (r == 0)
                fprintf(out, "arm,seed");
            else
                fprintf(out, "%s,%zu", p->arm, p->configuration.seed);
            for (size_t k = 0; k < t.columns; k++)
                fprintf(out, ",%s", t.cell[r * t.columns + k]);
            fputc('\n', out);
        }
        table_free(&t);
    }
    return true;
}
