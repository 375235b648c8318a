#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEQUENCES = 4, T = 64 * SEQUENCES, C = 256 };

/* As show_crossing_units, of a model of 11 sites that keeps streams at
   each LAZY-th, if that is set */
int main(void)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    const char *lazy = getenv("LAZY");
    struct device d;
    struct model m;
    token id[T];
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 5, c.width = C, c.heads = 4;
    c.hidden = 32, c.context = T / SEQUENCES;
    c.lazy = lazy == NULL ? 0 : (size_t)atoi(lazy);
    // Open the model whose kernels are counted
    if (!device_open(&d, "gpu", "bf16", &why)
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
    printf("%d\n", T * C * 2);
    model_close(&m);
    device_close(&d);
    return 0;
}
