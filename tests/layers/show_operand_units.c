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

/* show_operand_units fused|apart|each: in a checked build, with
   EMULATOR_COUNT=FILE, the file has what each kernel of a step moved,
   by whom images are made. Prints a unit, T C numbers of two bytes. */
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
    device_finish(&d, &why);
    printf("%d\n", T * C * 2);
    model_close(&m);
    device_close(&d);
    return why.status;
}
