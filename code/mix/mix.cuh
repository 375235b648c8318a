#ifndef MIX_CUH
#define MIX_CUH
#include "device/device.h"
#include "mix/mix.h"

LANGUAGE_C_BEGIN
/* as mix_forward and mix_backward of mix.h, all tokens at once;
   work: gpu_mix_work(l) floats */
void gpu_mix_forward(struct device *d, float *coefficients,
                     const float *alpha, const float *bias,
                     const struct layout *l, size_t tokens);
void gpu_mix_backward(struct device *d, float *dcoefficients,
                      float *dalpha, float *dbias, float *work,
                      const float *coefficients, const float *alpha,
                      const float *bias, const struct layout *l,
                      size_t tokens);
size_t gpu_mix_work(const struct layout *l);
/* its first part: the gradients of the matrix's logits, where those of
   z will stand */
void gpu_matrix_backward(struct device *d, float *dcoefficients,
                         const float *coefficients, const float *alpha,
                         const float *bias, const struct layout *l,
                         size_t tokens);
/* its last: dalpha, dbias += partial [runs][biases][2], in order */
void gpu_mix_fold(struct device *d, float *dalpha, float *dbias,
                  const float *partial, const struct layout *l,
                  size_t runs);

/* A matrix [n][n] at every `stride` floats; as sinkhorn.h, or, if
   released, deepseek.h has it. matrix may be logits, dlogits may be
   logits or dmatrix. */
void gpu_sinkhorn_forward(struct device *d, float *matrix,
                          const float *logits, size_t stride,
                          size_t count, size_t n, size_t iterations,
                          bool released);
void gpu_sinkhorn_backward(struct device *d, float *dlogits,
                           const float *dmatrix, const float *logits,
                           size_t stride, size_t count, size_t n,
                           size_t iterations, bool released);
/* the same, a token to a thread, for n = 4 too */
void gpu_sinkhorn_forward_by_threads(
    struct device *d, float *matrix, const float *logits, size_t stride,
    size_t count, size_t n, size_t iterations, bool released);
void gpu_sinkhorn_backward_by_threads(
    struct device *d, float *dlogits, const float *dmatrix,
    const float *logits, size_t stride, size_t count, size_t n,
    size_t iterations, bool released);
LANGUAGE_C_END
#endif
