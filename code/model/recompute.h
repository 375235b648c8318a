#ifndef RECOMPUTE_H
#define RECOMPUTE_H
#include "device/device.h"
#include "model/configuration.h"
#include "model/kinds.h"

LANGUAGE_C_BEGIN
/* Bytes a token that the sites of a model for training keep from
   forward to backward, if connected by k: streams, coefficients,
   inputs, norms, answers. Blocks of `block` sites; 0: no
   recomputation; more than there are sites: all of them. */
size_t recompute_bytes(const struct connection *k,
                       const struct configuration *c,
                       const struct device *d, size_t block);
/* the block of fewest bytes, or 0 if none takes fewer than 0 does; of
   several the shortest. cf. eq. 20 of Xie et al. 2025 */
size_t recompute_best(const struct connection *k,
                      const struct configuration *c,
                      const struct device *d);
LANGUAGE_C_END
#endif
