#ifndef ATTENTION16_H
#define ATTENTION16_H
#include "device/device.h"
#include "layers/attention.h"

LANGUAGE_C_BEGIN
/* Attention on tensor cores, after queries and keys have been turned:
   all arrays in bf16 but lse, along and rotation. Heads of 16, 32, 48
   ... 128 channels, and rows that begin at multiples of 16 bytes;
   false, and nothing is done, if these are others. */
bool tensor_attend(struct device *d, struct array out, struct array lse,
                   struct array qkv, const struct attention_shape *s);
/* along [rows][heads]: dout times out. dqkv is turned back. */
bool tensor_attend_backward(struct device *d, struct array dqkv,
                            struct array dout, const float *along,
                            struct array lse, struct array qkv,
                            struct array rotation,
                            const struct attention_shape *s);
LANGUAGE_C_END
#endif
