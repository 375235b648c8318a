#include "boundary/step_model.h"
#include <math.h>

#pragma weak gpu_blocks_forward
#pragma weak gpu_room_of
#pragma weak gpu_way_back

// Machines
/* by data sheets; the second row: in TF32, KiB of shared memory that a
   block may ask for, and the version */
const struct machine machines[5] = {
    { "A100", 2.039e12, 312e12, 19.5e12, 156e12, 163, 80 },
    { "H100", 3.35e12, 989e12, 67e12, 494e12, 227, 90 },
    { "H200", 4.8e12, 989e12, 67e12, 494e12, 227, 90 },
    { "B200", 7.7e12, 2250e12, 75e12, 1100e12, 227, 100 },
    { "RTX4090", 1.008e12, 165e12, 82.6e12, 82.6e12, 99, 89 },
};

// What is attained, and the usual shape
const struct attained usual = {
    .memory = .9 * .87, .products = .65, .attention = .35,
    .floats = .5, .tensor = .5, .cache = 2.5, .launch = 5e-6 };
const struct shape usual_shape = {
    .tokens = 16384, .width = 2560, .layers = 24, .context = 2048,
    .vocabulary = 256, .update = 1 << 19 };

// Time of a kernel
double kernel_time(const struct kernel *k, const struct size *size,
                   const struct machine *m, const struct attained *a)
{
    double each = (double)(size->tokens * size->width);
    double bytes = kernel_bytes(k, size);
    double memory = bytes / (a->memory * m->bytes);
    double cache = (bytes + each * k->cached) / (a->cache * m->bytes);
    double work = each * fmax(k->work / (a->floats * m->floats),
                              k->tensor / (a->tensor * m->tensor));
    return fmax(fmax(memory, cache), fmax(work, a->launch));
}

// Time of a boundary
bool goes_at_once(struct way_back *way, const struct machine *m,
                  const struct size *size)
{
    struct room room = gpu_room_of(m->version, m->shared << 10);
    struct site s = { .streams = size->streams, .width = size->width,
                      .tokens = size->tokens };
    *way = gpu_way_back(room, &s);
    return gpu_blocks_forward(room, s.streams, s.width) > 0;
}

double boundary_time(enum scheme scheme, size_t n, double more,
                     const struct machine *m, const struct attained *a,
                     const struct shape *s)
{
    struct kernel k[MOST_KERNELS];
    struct size size = { n, s->tokens, s->width };
    struct way_back way = { 1, false, false };
    double sum = more * 2 * (double)(s->tokens * s->width)
               / (a->memory * m->bytes);
    if (scheme == AT_ONCE && !goes_at_once(&way, m, &size))
        scheme = APART;
    for (int back = 0; back < 2; back++) {
        size_t kernels = boundary_kernels(k, scheme, back == 1, &size,
                                          way);
        for (size_t i = 0; i < kernels; i++)
            sum += kernel_time(&k[i], &size, m, a);
    }
    return sum;
}

// Time of the rest
/* of so many kernels, all alike */
static double several(double kernels, double seconds,
                      const struct attained *a)
{
    return fmax(seconds, kernels * a->launch);
}

double rest_time(const struct machine *m, const struct attained *a,
                 const struct shape *s)
{
    double T = (double)s->tokens, C = (double)s->width;
    double V = s->vocabulary;
    double weights = s->layers * 12 * C * C + V * C;
    double dense = m->dense * a->products;
    double attend = m->dense * a->attention;
    double bytes = m->bytes * a->memory;
    double layer = several(12, 6 * T * 12 * C * C / dense, a)
        + several(3, 7 * T * s->context * C / attend, a)
        + several(5, 2 * T * C * (GATE_HIDDEN * 8 / 3. + TURN_WIDTHS)
                     / bytes, a);
    double head = several(3, 6 * T * V * C / dense, a)
        + several(3, 12 * T * V / bytes, a)
        + several(2, 2 * T * C * 6 / bytes, a);
    return s->layers * layer + head
         + UPDATE_BYTES * weights / bytes * T / s->update;
}

double overhead(enum scheme scheme, size_t n, double more,
                enum scheme residual, const struct machine *m,
                const struct attained *a, const struct shape *s)
{
    double boundaries = 2 * s->layers;
    double one = boundary_time(residual, 1, 0, m, a, s);
    double many = boundary_time(scheme, n, more, m, a, s);
    return boundaries * (many - one)
         / (rest_time(m, a, s) + boundaries * one);
}
