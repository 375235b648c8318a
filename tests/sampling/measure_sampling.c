#include "support/cpu.h"
#include <stdio.h>
#include "device/device.h"
#include "layers/timing.h"
#include "model/model.h"

enum { CONTEXT = 512, EACH = 8, POINTS = CONTEXT / EACH, TURNS = 4,
       BYTES = 256 };

// Ask for the logits after count bytes, in one of two ways
struct question {
    struct model *model;
    size_t first, count;
};

static void ask(void *context)
{
    static token id[CONTEXT];
    struct question *q = context;
    real logits[BYTES];
    model_extend(q->model, id, q->first, q->count);
    model_logits(q->model, logits, q->count - 1);
}

int main(void)
{
    struct configuration c = configuration_default();
    struct message message = {0};
    struct model m;
    c.context = CONTEXT;
    c.vocabulary = BYTES;
    if (!model_open(&m, &c, &cpu, 1, INFERENCE, 0, &message))
        return 1;
    model_initialise(&m);
    // Measure each eighth position
    double quick[POINTS], slow[POINTS];
    ask(&(struct question){ &m, 0, CONTEXT });
    for (size_t turn = 0; turn < TURNS; turn++)
        for (size_t i = 0; i < POINTS; i++) {
            size_t t = (i + 1) * EACH;
            struct question one = { &m, t - 1, 1 }, all = { &m, 0, t };
            double a = best_time(ask, &one), b = best_time(ask, &all);
            quick[i] = turn == 0 || a < quick[i] ? a : quick[i];
            slow[i] = turn == 0 || b < slow[i] ? b : slow[i];
        }
    // Print the times and their sums
    double with = 0, without = 0;
    printf("position,with,without,factor\n");
    for (size_t i = 0; i < POINTS; i++) {
        with += quick[i];
        without += slow[i];
        printf("%zu,%.4f,%.4f,%.2f\n", (i + 1) * EACH, 1e3 * quick[i],
               1e3 * slow[i], without / with);
    }
    model_close(&m);
}
