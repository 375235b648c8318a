#include "boundary/cross.cuh"
#include "model/kinds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma weak gpu_cross_back_at_once
#pragma weak gpu_cross_work
#pragma weak gpu_way_back

// A site of zeros
static struct array zeros(struct device *d, enum role role, size_t rows,
                          size_t columns)
{
    struct message why = { 0, "" };
    struct array a = device_shape(d, role, rows, columns);
    a.at = device_allocate(d, array_bytes(a), &why);
    if (a.at == NULL) {
        fprintf(stderr, "%s\n", why.text);
        exit(why.status);
    }
    device_zero(d, a);
    return a;
}

/* of four streams, as mHC's */
static struct site site_of_zeros(struct device *d, size_t T, size_t C)
{
    const struct connection *k = connection_find("mhc");
    struct layout l = layout_of(k->mix, 4, C, 20);
    size_t K = layout_row(&l), m = l.outputs, nC = 4 * C;
    return (struct site){
        .device = d, .tokens = T, .streams = 4, .width = C,
        .mean = k->mean, .layout = l,
        .stream = zeros(d, STREAM, T, nC),
        .answer = zeros(d, ACTIVATION, T, C),
        .coefficients = zeros(d, EXACT, T, K),
        .input = zeros(d, ACTIVATION, T, C),
        .normed = zeros(d, ACTIVATION, T, C),
        .inverse_rms = zeros(d, EXACT, T, 1),
        .dstream = zeros(d, STREAM, T, nC),
        .dcoefficients = zeros(d, EXACT, T, K),
        .dinput = zeros(d, GRADIENT, T, C),
        .dnormed = zeros(d, GRADIENT, T, C),
        .danswer = zeros(d, GRADIENT, T, C),
        .gain = zeros(d, MASTER, 1, C), .phi = zeros(d, MASTER, m, nC),
        .alpha = zeros(d, MASTER, 1, 3), .bias = zeros(d, MASTER, 1, m),
        .dgain = zeros(d, MASTER, 1, C),
        .dphi = zeros(d, MASTER, m, nC),
        .dalpha = zeros(d, MASTER, 1, 3),
        .dbias = zeros(d, MASTER, 1, m) };
}

/* show_units there|there-apart|back-apart|walks|tile|chip TOKENS WIDTH,
   in a checked build, with EMULATOR_COUNT=FILE: the file has what each
   kernel of a boundary moved */
int main(int count, char **argument)
{
    struct message why = { 0, "" };
    struct device d;
    if (count != 4 || !device_open(&d, "gpu", "bf16", &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 64;
    }
    size_t T = (size_t)atol(argument[2]), C = (size_t)atol(argument[3]);
    const char *way = argument[1];
    struct site from = site_of_zeros(&d, T, C);
    struct site to = site_of_zeros(&d, T, C);
    to.apart = strstr(way, "-apart") != NULL;
    device_cross(&d, &from, &to);
    struct way_back w = { 1, strcmp(way, "tile") == 0, false };
    if (strcmp(way, "chip") == 0) {
        struct site many = to;
        many.tokens = 16384;
        w = gpu_way_back(&d, &many);
    }
    if (strcmp(way, "back-apart") == 0)
        device_cross_backward(&d, &from, &to);
    else if (strncmp(way, "there", 5) != 0)
        gpu_cross_back_at_once(&d, &from, &to, w, device_scratch(
            &d, gpu_cross_work(&to, w) * sizeof(float)));
    bool done = device_finish(&d, &why);
    fprintf(stderr, "%s", why.text);
    device_close(&d);
    return !done;
}
