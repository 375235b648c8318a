#ifndef ATTENTION_VERSIONS_H
#define ATTENTION_VERSIONS_H
#include "layers/attention16.h"

LANGUAGE_C_BEGIN
/* tensor_attend for heads of 64 channels, by an earlier version */
__attribute__((weak)) void attention_version2(
    struct device *d, struct array out, struct array lse,
    struct array qkv, const struct attention_shape *s);
LANGUAGE_C_END
#endif
