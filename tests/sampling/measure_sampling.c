#include <stdio.h>
#include "device/device.h"
#include "matmul/timing.h"
#include "model/model.h"

enum { CONTEXT = 512, STEP = 8, BYTES = 256 };

// Ask for the logits after `count` bytes, in one of two ways
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
    double with = 0, without = 0;
    printf("position,with,without,factor\n");
    // Measure each eighth position
    ask(&(struct question){ &m, 0, CONTEXT });
    for (size_t t = STEP; t <= CONTEXT; t += STEP) {
        struct question one = { &m, t - 1, 1 }, all = { &m, 0, t };
        double quick = best_time(ask, &one), slow = best_time(ask, &all);
        with += quick;
        without += slow;
        printf("%zu,%.4f,%.4f,%.2f\n", t, 1e3 * quick, 1e3 * slow,
               without / with);
    }
    model_close(&m);
}
