#include "device/device.h"
#include "layers/norm.cuh"
#include "layers/norm_versions.h"
#include "model/model.h"
#include "support/fill.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { T = 128, C = 256 };

#pragma weak gpu_norm_forward
#pragma weak norm_1_forward
#pragma weak norm_2_forward

// Run the norm's versions
static void run_norms(struct device *d)
{
    struct message why = { 0, "" };
    real *x = calloc(T * C, sizeof *x);
    struct array in = device_shape(d, EXACT, T, C), out = in;
    struct array gain = device_shape(d, EXACT, 1, C);
    struct array root = device_shape(d, EXACT, T, 1);
    fill_normal(x, T * C, 1, 1);
    in.at = device_allocate(d, array_bytes(in), &why);
    out.at = device_allocate(d, array_bytes(out), &why);
    gain.at = device_allocate(d, array_bytes(gain), &why);
    root.at = device_allocate(d, array_bytes(root), &why);
    device_upload(d, in, x);
    device_upload(d, gain, x);
    norm_1_forward(d, out.at, root.at, in.at, gain.at, T, C);
    norm_2_forward(d, out.at, root.at, in.at, gain.at, T, C);
    gpu_norm_forward(d, out.at, root.at, in.at, gain.at, T, C);
    free(x);
}

// Run a step of a model
static void run_model(struct device *d)
{
    struct configuration c = configuration_default();
    struct message why = { 0, "" };
    struct model m;
    token id[T];
    strcpy(c.connection, "mhc");
    c.streams = 4, c.layers = 1, c.width = C, c.heads = 4, c.hidden = C;
    c.context = T;
    if (!model_open(&m, &c, d, 1, TRAINING, 0, &why))
        return;
    for (size_t t = 0; t < T; t++)
        id[t] = (token)(t * 7 % 256);
    model_initialise(&m);
    model_forward(&m, id, id);
    model_backward(&m, 1);
    device_finish(d, &why);
    model_close(&m);
}

/* In a checked build, with EMULATOR_COUNT=FILE: the file has what each
   kernel moved. Prints a unit, T C floats. */
int main(void)
{
    struct device d;
    struct message why = { 0, "" };
    if (!device_open(&d, "gpu", NULL, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    run_norms(&d);
    run_model(&d);
    printf("%d\n", T * C * 4);
    device_close(&d);
    return 0;
}
