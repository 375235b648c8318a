#ifndef LAYERS_EIGHT_H
#define LAYERS_EIGHT_H
#include "device/device.h"

LANGUAGE_C_BEGIN
/* The products of device/device.h on the gpu, of images in E4M3: on
   9.0 from codes, elsewhere from images in bf16. What has the role
   EXACT is multiplied in bf16. */
void eight_gpu_product(struct device *d, struct array y, struct array x,
                       struct array w);
void eight_gpu_product_input(struct device *d, struct array dx,
                             struct array dy, struct array w, bool add);
void eight_gpu_product_weight(struct device *d, struct array dw,
                              struct array dy, struct array x);
/* As device_gate and device_gate_backward: what they make, if it is an
   OPERAND, is images at once */
void eight_gpu_gate(struct device *d, struct array hidden,
                    struct array gate_up);
void eight_gpu_gate_backward(struct device *d, struct array dgate_up,
                             struct array dhidden,
                             struct array gate_up);
/* and device_attend_backward, which leaves them to a kernel more */
void eight_gpu_attend_backward(struct device *d, struct array dqkv,
                               struct array dout, struct array out,
                               struct array lse, struct array qkv,
                               struct array rotation,
                               const struct attention_shape *s);
/* and device_step, device_copy: parts of working copies that are images
   stay so */
void eight_gpu_step(struct device *d, struct array weight,
                    struct array working, struct array first,
                    struct array second, struct array gradient,
                    struct array sum, struct array adamw,
                    const struct segment *segment, size_t segments);
void eight_gpu_copy(struct device *d, struct array to,
                    struct array from);
/* the format of OPERAND on this GPU: IMAGES, or BF16 */
enum format eight_gpu_operands(const struct device *d);
LANGUAGE_C_END
#endif
