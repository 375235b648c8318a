#ifndef DEVICE_EIGHT_H
#define DEVICE_EIGHT_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* the operations of a gpu that see streams, when these are in E4M3 */
void eight_gpu_embed(struct device *d, struct array out,
                     struct array id, struct array w);
void eight_gpu_embed_backward(struct device *d, struct array dw,
                              struct array dout, struct array id);
void eight_gpu_cross(struct device *d, const struct site *from,
                     const struct site *to);
void eight_gpu_cross_backward(struct device *d, const struct site *from,
                              const struct site *to);
void eight_gpu_enter(struct device *d, const struct site *first,
                     struct array vector);
void eight_gpu_enter_backward(struct device *d, struct array dvector,
                              const struct site *first);
void eight_gpu_place(struct device *d);
LANGUAGE_C_END
#endif
