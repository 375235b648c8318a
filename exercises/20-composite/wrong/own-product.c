/* expect: were matrices multiplied? */
#include <math.h>
#include <string.h>
#include "gain/gain.h"

static void follow(double *m, const double *h, size_t n)
{
    double product[64] = { 0 };
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t k = 0; k < n; k++)
                product[i * n + j] += h[i * n + k] * m[k * n + j];
    memcpy(m, product, n * n * sizeof *m);
}

static struct gain between(const double *mixing, size_t first,
                           size_t last, size_t n)
{
    double m[64];
    memcpy(m, mixing + first * n * n, n * n * sizeof *m);
    for (size_t k = first + 1; k <= last; k++)
        follow(m, mixing + k * n * n, n);
    return gain_of(m, n);
}

void gain_along(struct gain *composite, const double *mixing,
                size_t depth, size_t n)
{
    for (size_t l = 0; l < depth; l++) {
        struct gain f = between(mixing, 0, l, n);
        struct gain b = between(mixing, l, depth - 1, n);
        composite[l] = (struct gain){
            .forward = f.forward, .forward_least = f.forward_least,
            .backward = b.backward, .backward_least = b.backward_least
        };
    }
}
