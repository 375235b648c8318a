#include "support/cpu.h"
#include "ground/median.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "model/model.h"
#include "model/recompute.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 3, BLOCKS = 10, MEBI = 1 << 20 };
static const size_t block[BLOCKS] = { 0, 1, 2, 3, 4, 5, 6, 9, 13, 25 };
static const char *const kind[] = { "residual", "mhc" };

// The model that is measured
static struct configuration sizes(const char *name)
{
    struct configuration c = configuration_default();
    strcpy(c.connection, name);
    c.streams = strcmp(name, "residual") == 0 ? 1 : 4;
    c.layers = 12;
    c.width = 192;
    c.heads = 6;
    c.context = 256;
    c.batch = 4;
    return c;
}

// Open and run it
static void run(struct model *m, const struct configuration *c,
                size_t at)
{
    size_t tokens = c->batch * c->context;
    struct message message = { 0, "" };
    token *id = memory_new(tokens + 1, sizeof *id, &message);
    for (size_t i = 0; i <= tokens; i++)
        id[i] = (token)random_below(1, at, i, c->vocabulary);
    model_forward(m, id, id + 1);
    model_backward(m, 1);
    memory_free(id);
}

static struct model open_model(const struct configuration *c,
                               size_t at)
{
    struct message message = { 0, "" };
    struct model m;
    if (!model_open(&m, c, &cpu, c->batch, TRAINING, at, &message)) {
        fprintf(stderr, "%s\n", message.text);
        exit(1);
    }
    model_initialise(&m);
    return m;
}

// Measure the memory of a child
static double largest_kilobytes(void)
{
    char line[256];
    double kilobytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL)
        sscanf(line, "VmHWM: %lf", &kilobytes);
    if (f != NULL)
        fclose(f);
    return kilobytes;
}

static double memory(double *predicted, const struct configuration *c,
                     size_t at)
{
    int end[2];
    double found[2] = { 0, 0 };
    if (pipe(end) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0) {
        double before = largest_kilobytes();
        struct model m = open_model(c, at);
        run(&m, c, 0);
        found[0] = (double)model_bytes(&m);
        found[1] = 1024 * (largest_kilobytes() - before);
        _exit(write(end[1], found, sizeof found) != sizeof found);
    }
    int status = 1;
    close(end[1]);
    if (child < 0 ||
        read(end[0], found, sizeof found) != sizeof found ||
        waitpid(child, &status, 0) != child || status != 0)
        exit(1);
    close(end[0]);
    *predicted = found[0];
    return found[1];
}

// Measure the time of a step
static double step(const struct configuration *c, size_t at)
{
    struct timespec from, to;
    struct model m = open_model(c, at);
    run(&m, c, 0);
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (size_t i = 0; i < 2; i++)
        run(&m, c, i);
    clock_gettime(CLOCK_MONOTONIC, &to);
    model_close(&m);
    return (1e3 * (double)(to.tv_sec - from.tv_sec) +
            1e-6 * (double)(to.tv_nsec - from.tv_nsec)) / 2;
}

int main(void)
{
    struct configuration c[2] = { sizes(kind[0]), sizes(kind[1]) };
    double predicted[2][BLOCKS], held[2][BLOCKS];
    double time[2][BLOCKS][ROUNDS], ratio[2][BLOCKS][ROUNDS];
    for (size_t k = 0; k < 2; k++)
        for (size_t b = 0; b < BLOCKS; b++)
            held[k][b] = memory(&predicted[k][b], &c[k], block[b]);
    // Time all blocks in turns
    for (size_t r = 0; r < ROUNDS; r++)
        for (size_t k = 0; k < 2; k++)
            for (size_t b = 0; b < BLOCKS; b++) {
                time[k][b][r] = step(&c[k], block[b]);
                ratio[k][b][r] = time[k][b][r] / time[k][0][r];
            }
    printf("block,one,one_held,one_ms,one_ratio,"
           "four,four_held,four_ms,four_ratio\n");
    for (size_t b = 0; b < BLOCKS; b++) {
        printf("%zu", block[b]);
        for (size_t k = 0; k < 2; k++)
            printf(",%.1f,%.1f,%.1f,%.3f", predicted[k][b] / MEBI,
                   held[k][b] / MEBI, median(time[k][b], ROUNDS),
                   median(ratio[k][b], ROUNDS));
        printf("\n");
    }
    return 0;
}
