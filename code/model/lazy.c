#include "model/lazy.h"

size_t lazy_bytes(const struct connection *k,
                  const struct configuration *c,
                  const struct device *d, size_t block)
{
    size_t n = c->streams, C = c->width, sites = 2 * c->layers + 1;
    size_t K = connection_coefficients(k, n);
    if (block == 0)
        return recompute_bytes(k, c, d, 0);
    block = block > sites ? sites : block;
    size_t streams = (sites + block - 1) / block
                   + (block > 2 ? 2 : block - 1);
    size_t vectors = sites + (K > 0) + sites - 1;
    return row_bytes(device_shape(d, STREAM, 1, n * C)) * streams
         + format_bytes(d->format[ACTIVATION]) * C * vectors
         + format_bytes(d->format[EXACT]) * (K + 1) * sites;
}
