#include "boundary/step_model.h"
#include <math.h>

// Machines
const struct machine machines[5] = {
    { "A100", 2.039e12, 312e12, 19.5e12 },
    { "H100", 3.35e12, 989e12, 67e12 },
    { "H200", 4.8e12, 989e12, 67e12 },
    { "B200", 8.0e12, 2250e12, 80e12 },
    { "RTX4090", 1.008e12, 165e12, 82.6e12 },
};

// What is attained, and the usual shape
const struct attained usual = {
    .memory = .9 * .87, .products = .65, .attention = .35,
    .floats = .5, .cache = 2.5, .launch = 5e-6 };
const struct shape usual_shape = {
    .tokens = 16384, .width = 2560, .layers = 24, .context = 2048,
    .vocabulary = 256, .update = 1 << 19 };

// Time of a kernel
double kernel_time(const struct kernel *k, size_t n,
                   const struct machine *m, const struct attained *a,
                   const struct shape *s)
{
    double each = s->tokens * s->width;
    double bytes = kernel_bytes(k, n, s->tokens, s->width);
    double memory = bytes / (a->memory * m->bytes);
    double cache = (bytes + each * k->cached) / (a->cache * m->bytes);
    double work = each * k->work / (a->floats * m->floats);
    return fmax(fmax(memory, cache), fmax(work, a->launch));
}

// Time of a boundary
double boundary_time(enum scheme scheme, size_t n, double more,
                     const struct machine *m, const struct attained *a,
                     const struct shape *s)
{
    struct kernel k[MOST_KERNELS];
    double sum = more * 2 * s->tokens * s->width
               / (a->memory * m->bytes);
    for (enum way way = THERE; way <= BACK; way++) {
        size_t kernels = boundary_kernels(k, scheme, way, n);
        for (size_t i = 0; i < kernels; i++)
            sum += kernel_time(&k[i], n, m, a, s);
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
    double T = s->tokens, C = s->width, V = s->vocabulary;
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
