#ifndef LAYERS_CUH
#define LAYERS_CUH
#include "device/gpu.cuh"
#include "layers/attention.h"
#include "layers/optimizer.h"

KEPT_BEGIN
/* The operations of device/device.h, on the gpu */
// Layers on the gpu, declared
void gpu_embed(struct device *d, struct array out, struct array id,
               struct array w);
void gpu_embed_backward(struct device *d, struct array dw,
                        struct array dout, struct array id);
void gpu_product(struct device *d, struct array y, struct array x,
                 struct array w);
void gpu_product_input(struct device *d, struct array dx,
                       struct array dy, struct array w, bool add);
void gpu_product_weight(struct device *d, struct array dw,
                        struct array dy, struct array x);
void gpu_attend(struct device *d, struct array out, struct array lse,
                struct array qkv, struct array rotation,
                const struct attention_shape *s);
void gpu_attend_backward(struct device *d, struct array dqkv,
                         struct array dout, struct array out,
                         struct array lse, struct array qkv,
                         struct array rotation,
                         const struct attention_shape *s);
void gpu_gate(struct device *d, struct array hidden,
              struct array gate_up);
void gpu_gate_backward(struct device *d, struct array dgate_up,
                       struct array dhidden, struct array gate_up);
void gpu_loss(struct device *d, struct array each, struct array lse,
              struct array logits, struct array target);
void gpu_loss_backward(struct device *d, struct array logits,
                       struct array lse, struct array target,
                       double scale);
void gpu_mean(struct device *d, struct array sum, struct array each,
              double scale, bool add);
void gpu_gradient_norm(struct device *d, struct array sum,
                       struct array gradient);
void gpu_step(struct device *d, struct array weight,
              struct array working, struct array first,
              struct array second, struct array gradient,
              struct array sum, struct array adamw,
              const struct segment *segment, size_t segments);

enum { THREADS = 256, WARPS = THREADS / 32 };   /* of most blocks */

// The row of a warp
/* the row that this warp works on */
static __device__ inline size_t row_of_warp()
{
    return (size_t)blockIdx.x * WARPS + threadIdx.x / 32;
}
KEPT_END
#endif
