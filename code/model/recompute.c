#include "model/recompute.h"

// Count the bytes of the sites
size_t recompute_bytes(const struct connection *k,
                       const struct configuration *c,
                       const struct device *d, size_t block)
{
    size_t n = c->streams, C = c->width, sites = 2 * c->layers + 1;
    size_t K = connection_coefficients(k, n);
    block = block > sites ? sites : block;
    size_t slots = block == 0 ? sites : block + 1;
    size_t streams = block == 0 ? sites
                   : (sites + block - 1) / block + block - 1;
    size_t answers = K > 0 || block > 0 ? sites - 1 : 1;
    size_t vectors = K == 0 ? slots : 2 * slots;
    size_t stream = row_bytes(device_shape(d, STREAM, 1, n * C));
    size_t exact = format_bytes(d->format[EXACT]);
    size_t each = format_bytes(d->format[ACTIVATION]);
    return stream * streams + each * C * (vectors + answers)
         + exact * (K + 1) * slots;
}

size_t recompute_best(const struct connection *k,
                      const struct configuration *c,
                      const struct device *d)
{
    size_t best = 0, sites = 2 * c->layers + 1;
    for (size_t block = 1; block <= sites; block++)
        if (recompute_bytes(k, c, d, block) <
            recompute_bytes(k, c, d, best))
            best = block;
    return best;
}
