#include "training/training.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { T = 256, C = 128 };

/* show_step_units PRECISION: one step of an mHC model of one layer. In
   a checked build, with EMULATOR_COUNT=FILE, the file has what each
   kernel moved. Prints a unit, T C floats, and the weights' bytes. */
int main(int argc, char **argv)
{
    static unsigned char text[4 * T];
    struct corpus corpus = { .training = { text, sizeof text },
                             .held_out = { text, T } };
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    struct trainer t;
    struct device d;
    struct update u;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * i % 251);
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 1, c.width = C, c.heads = 4;
    c.hidden = 2 * C, c.context = T / 2, c.batch = 2;
    bool good = device_open(&d, "gpu", argc > 1 ? argv[1] : NULL, &m)
        && trainer_open(&t, &c, &d, &corpus, &m);
    t.model.apart = true;
    good = good && trainer_step(&u, &t, &m);
    if (!good) {
        fprintf(stderr, "%s\n", m.text);
        return m.status;
    }
    printf("%d %zu\n", T * C * 4, array_bytes(t.model.weights));
    trainer_close(&t);
    device_close(&d);
    return 0;
}
