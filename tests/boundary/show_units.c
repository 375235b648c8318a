#include "boundary/kernels.h"
#include "model/kinds.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma weak gpu_cross_back_at_once
#pragma weak gpu_cross_work
#pragma weak gpu_room_for_tiles
#pragma weak gpu_way_back
// Headers of other schemes
#include "boundary/cross_eight.cuh"
#pragma weak gpu_blocks_eight
#pragma weak gpu_cross_back_eight

enum { MANY = 16384, WIDE = 2560 };

// A site of zeros
static struct array zeros(struct device *d, enum role role, size_t rows,
                          size_t columns)
{
    struct message why = { 0, "" };
    struct array a = device_shape(d, role, rows, columns);
    if (rows == 0)
        return a;
    a.at = device_allocate(d, array_bytes(a), &why);
    if (a.at == NULL) {
        fprintf(stderr, "%s\n", why.text);
        exit(why.status);
    }
    device_zero(d, a);
    return a;
}

/* mHC's, or of one stream */
static struct site site_of_zeros(struct device *d,
                                 const struct size *s)
{
    const struct connection *k
        = connection_find(s->streams == 1 ? "residual" : "mhc");
    size_t T = s->tokens, C = s->width, nC = s->streams * C;
    struct layout l = layout_of(k->mix, s->streams, C, 20);
    size_t K = layout_row(&l), m = l.outputs;
    return (struct site){
        .device = d, .tokens = T, .streams = s->streams, .width = C,
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

// Say what was derived
/* a line a kernel: name, units of this size, and of MANY tokens of
   width WIDE, whose tiles eight blocks go back over if phi is kept */
static void say_derived(enum scheme scheme, bool back, struct size s,
                        struct way_back way)
{
    struct kernel k[MOST_KERNELS], large[MOST_KERNELS];
    struct size many = { s.streams, MANY, WIDE };
    struct way_back eight = way;
    if (way.phi)
        eight.blocks = 8;
    size_t kernels = boundary_kernels(k, scheme, back, &s, way);
    boundary_kernels(large, scheme, back, &many, eight);
    for (size_t i = 0; i < kernels; i++)
        printf("%s %.9g %.9g\n", k[i].name,
               kernel_bytes(&k[i], &s)
                   / (2. * (double)(s.tokens * s.width)),
               kernel_bytes(&large[i], &many) / (2. * MANY * WIDE));
}

/* show_units there|there-apart|back-apart|walks|tile|chip STREAMS
   TOKENS WIDTH, in a checked build, with EMULATOR_COUNT=FILE: the file
   has what each kernel of a boundary moved. Prints what was derived. */
int main(int count, char **argument)
{
    struct message why = { 0, "" };
    struct device d;
    const char *precision = "bf16";
    // Count in another precision
    if (count > 1 && strstr(argument[1], "-eight") != NULL)
        precision = "fp8-streams";
    if (count != 5 || !device_open(&d, "gpu", precision, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 64;
    }
    struct size s = { strtoul(argument[2], NULL, 10),
                      strtoul(argument[3], NULL, 10),
                      strtoul(argument[4], NULL, 10) };
    const char *way = argument[1];
    struct site from = site_of_zeros(&d, &s);
    struct site to = site_of_zeros(&d, &s);
    bool back = strncmp(way, "there", 5) != 0;
    struct way_back w = { 1, strcmp(way, "tile") == 0, false };
    enum scheme scheme = AT_ONCE;
    to.apart = strstr(way, "-apart") != NULL;
    if (strcmp(way, "chip") == 0) {
        struct site many = to;
        many.tokens = MANY;
        w = gpu_way_back(gpu_room_for_tiles(&d), &many);
    }
    // Cross as another scheme does
    if (strstr(way, "-eight") != NULL) {
        scheme = EIGHT;
        w = (struct way_back){ gpu_blocks_eight(&d, &to, true, 0), true,
                               true };
        if (back)
            gpu_cross_back_eight(&d, &from, &to, 0);
        else
            device_cross(&d, &from, &to);
    } else
    if (!back)
        device_cross(&d, &from, &to);
    else if (to.apart)
        device_cross_backward(&d, &from, &to);
    else
        gpu_cross_back_at_once(&d, &from, &to, w, device_scratch(
            &d, gpu_cross_work(&to, w) * sizeof(float)));
    bool done = device_finish(&d, &why);
    fprintf(stderr, "%s", why.text);
    say_derived(!to.apart ? scheme
                : s.streams == 1 ? RESIDUAL_APART : APART, back, s, w);
    device_close(&d);
    return !done;
}
