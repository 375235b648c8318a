#include "model/model.h"
#include <stdio.h>
#include <string.h>

#define PRECISION "bf16"
enum { SEQUENCES = 8, T = 64 * SEQUENCES, C = 256 };

/* In a checked build, with EMULATOR_COUNT=FILE: the file has what each
   kernel moved. Prints a unit, T C numbers of two bytes. */
int main(void)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct device d;
    struct model m;
    token id[T];
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
    for (int apart = 0; apart < 2; apart++) {
        m.apart = apart;
        model_forward(&m, id, id);
        model_backward(&m, 1);
        device_finish(&d, &why);
    }
    printf("%d\n", T * C * 2);
    model_close(&m);
    device_close(&d);
    return 0;
}
