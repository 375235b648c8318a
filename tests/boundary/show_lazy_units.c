#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PRECISION "bf16"
enum { MOST = 4, LENGTH = 64, C = 256 };

static size_t set(const char *name, size_t otherwise)
{
    const char *value = getenv(name);
    return value == NULL ? otherwise : (size_t)atoi(value);
}

/* As show_crossing_units, of a model of 11 sites that keeps streams at
   each LAZY-th, if that is set; of SEQUENCES, else four */
int main(void)
{
    const size_t SEQUENCES = set("SEQUENCES", MOST);
    const size_t T = LENGTH * SEQUENCES;
    if (SEQUENCES > MOST)
        return 64;
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct device d;
    struct model m;
    token id[LENGTH * MOST];
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 5, c.width = C, c.heads = 4;
    c.hidden = 32, c.context = LENGTH, c.lazy = set("LAZY", 0);
    // Open the model whose kernels are counted
    if (!device_open(&d, "gpu", PRECISION, &why)
        || !model_open(&m, &c, &d, SEQUENCES, TRAINING, 0, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    for (size_t t = 0; t < T; t++)
        id[t] = (token)(t * 7 % 256);
    model_initialise(&m);
    model_forward(&m, id, id);
    model_backward(&m, 1);
    device_finish(&d, &why);
    printf("%zu\n", T * C * 2);
    model_close(&m);
    device_close(&d);
    return 0;
}
