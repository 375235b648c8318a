#ifndef LAZY_H
#define LAZY_H
#include "model/recompute.h"

LANGUAGE_C_BEGIN
/* As recompute_bytes, where streams are kept at each `block`-th site
   and made again where they are needed; 0: all are kept */
size_t lazy_bytes(const struct connection *k,
                  const struct configuration *c,
                  const struct device *d, size_t block);
LANGUAGE_C_END
#endif
