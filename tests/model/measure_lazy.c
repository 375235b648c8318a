#include "support/cpu.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MEBI = 1 << 20 };
static const struct { const char *name; size_t lazy, block; } way[] = {
    { "stored", 0, 0 }, { "lazy", 2, 0 }, { "lazy", 3, 0 },
    { "lazy", 4, 0 }, { "lazy", 5, 0 }, { "lazy", 6, 0 },
    { "lazy", 8, 0 }, { "blocks", 0, 5 } };

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

int main(void)
{
    struct configuration c = configuration_default();
    double said[2], held[2];
    strcpy(c.connection, "mhc");
    bool right = true;
    c.streams = 4, c.layers = 12, c.width = 384, c.heads = 6;
    c.context = 512, c.batch = 4;
    struct configuration least = c;
    least.layers = 1, least.width = 24, least.context = 16;
    double own = memory(&said[0], &least, 0) - said[0];
    held[0] = (memory(&said[0], &c, 0) - own) / MEBI;
    printf("way,sites,predicted,held,saved,saved_held\n");
    for (size_t w = 0; w < sizeof way / sizeof *way; w++) {
        c.lazy = way[w].lazy;
        held[1] = (memory(&said[1], &c, way[w].block) - own) / MEBI;
        printf("%s,%zu,%.1f,%.1f,%.1f,%.1f\n",
               way[w].name, way[w].lazy + way[w].block,
               said[1] / MEBI, held[1], (said[0] - said[1]) / MEBI,
               held[0] - held[1]);
        right = right && MEBI * held[1] < 1.02 * said[1]
             && MEBI * held[1] > .98 * said[1];
    }
    return !right;
}
