#ifndef SIXTEEN_H
#define SIXTEEN_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* The operations of the cpu in bf16, see device/device.h. Arrays in
   BF16 are widened, the operations of single precision compute, and
   each number that is stored is rounded once. */
bool sixteen_open(struct device *d, struct message *m);
void sixteen_upload(struct device *d, struct array to,
                    const void *host);
void sixteen_download(struct device *d, void *host, struct array from);
void sixteen_copy(struct device *d, struct array to, struct array from);
void sixteen_embed(struct device *d, struct array out, struct array id,
                   struct array w);
void sixteen_embed_backward(struct device *d, struct array dw,
                            struct array dout, struct array id);
void sixteen_product(struct device *d, struct array y, struct array x,
                     struct array w);
void sixteen_product_input(struct device *d, struct array dx,
                           struct array dy, struct array w, bool add);
void sixteen_product_weight(struct device *d, struct array dw,
                            struct array dy, struct array x);
void sixteen_attend(struct device *d, struct array out,
                    struct array lse, struct array qkv,
                    struct array rotation,
                    const struct attention_shape *s);
void sixteen_attend_backward(struct device *d, struct array dqkv,
                             struct array dout, struct array out,
                             struct array lse, struct array qkv,
                             struct array rotation,
                             const struct attention_shape *s);
void sixteen_gate(struct device *d, struct array hidden,
                  struct array gate_up);
void sixteen_gate_backward(struct device *d, struct array dgate_up,
                           struct array dhidden, struct array gate_up);
void sixteen_cross(struct device *d, const struct site *from,
                   const struct site *to);
void sixteen_cross_backward(struct device *d, const struct site *from,
                            const struct site *to);
void sixteen_enter(struct device *d, const struct site *first,
                   struct array vector);
void sixteen_enter_backward(struct device *d, struct array dvector,
                            const struct site *first);
LANGUAGE_C_END
#endif
