#include "support/cpu.h"
#include "experiment/cost.h"
#include <string.h>

double cost_of_token(const struct model *m)
{
    const struct configuration *c = &m->configuration;
    double width = (double)c->width, n = (double)c->streams;
    double forward = 0;
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        if (p->rows > 1 && !strstr(p->name, "embedding"))
            forward += 2 * (double)p->count;
    }
    forward += (double)c->layers * 2 * width * ((double)c->context + 1);
    // Add what the streams cost
    if (m->architecture.connection->mix != MIX_NONE)
        forward += (double)m->sublayers * 2 * width * (2 * n + n * n);
    return 3 * forward;
}

double cost_of_run(const struct configuration *c)
{
    struct model m;
    struct architecture a;
    struct message why = { 0 };
    if (!architecture_find(&a, c, &why))
        return 0;
    bool planned = model_plan(&m, &a, c, &cpu, c->batch, TRAINING,
                              c->recompute, &why);
    double tokens = (double)(c->batch * c->accumulation * c->context);
    double cost = planned ? cost_of_token(&m) : 0;
    model_close(&m);
    return cost * tokens * (double)c->steps;
}
