#include "layers/optimizer.h"
#include "model/model.h"
#include <stdio.h>
#include <string.h>

#define PRECISION "fp8"
enum { SEQUENCES = 4, T = 64 * SEQUENCES, C = 256 };

/* somebody looks, so there are numbers */
static void pass(void *context, const struct site *s)
{
    (void)context, (void)s;
}

static struct array zeros(struct device *d, enum role role,
                          size_t columns)
{
    struct message why = { 0, "" };
    struct array a = device_shape(d, role, 1, columns);
    a.at = device_allocate(d, array_bytes(a), &why);
    return a;
}

static void update(struct model *m)
{
    enum { MOST = 32 };
    static const double adamw[ADAMW_NUMBERS] = { [ADAMW_RATE] = 1e-3,
        [ADAMW_EPSILON] = 1e-8, [ADAMW_STEP] = 1 };
    struct device *d = m->device;
    struct segment all[MOST];
    struct array first = zeros(d, MASTER, m->parameters.count);
    struct array second = zeros(d, MASTER, m->parameters.count);
    struct array sum = zeros(d, SUM, 2);
    struct array set = zeros(d, SUM, ADAMW_NUMBERS);
    size_t used = m->parameters.used;
    for (size_t k = 0; k < used && used <= MOST; k++)
        all[k] = (struct segment){ m->parameters.list[k].offset,
                                   m->parameters.list[k].count, true };
    if (d->trouble.status == 0 && used <= MOST) {
        device_upload(d, set, adamw);
        device_step(d, m->weights, m->working, first, second,
                    m->gradients, sum, set, all, used);
    }
    for (size_t k = 0; k < 4; k++)
        device_release(d, (void *[]){ first.at, second.at, sum.at,
                                      set.at }[k]);
}

/* show_operand_units fused|apart|each: in a checked build, with
   EMULATOR_COUNT=FILE, the file has what each kernel of a step moved,
   by whom images are made; fused: and what moved the weights. Prints a
   unit, T C numbers of two bytes. */
int main(int argc, char **argv)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct device d;
    struct model m;
    token id[T];
    const char *way = argc > 1 ? argv[1] : "fused";
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 1, c.width = C, c.heads = 4, c.hidden = C;
    c.context = T / SEQUENCES;
    // Open the model whose kernels are counted
    if (!device_open(&d, "gpu", PRECISION, &why)
        || !model_open(&m, &c, &d, SEQUENCES, TRAINING, 0, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    for (size_t t = 0; t < T; t++)
        id[t] = (token)(t * 7 % 256);
    model_initialise(&m);
    d.eight.apart = strcmp(way, "apart") == 0;
    if (strcmp(way, "each") == 0)
        m.watch.forward = pass;
    model_forward(&m, id, id);
    model_backward(&m, 1);
    if (strcmp(way, "fused") == 0)
        update(&m);
    device_finish(&d, &why);
    printf("%d\n", T * C * 2);
    model_close(&m);
    device_close(&d);
    return why.status;
}
