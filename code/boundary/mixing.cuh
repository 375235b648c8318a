#ifndef MIXING_CUH
#define MIXING_CUH
#include "device/kept.h"
#include "mix/mix.cuh"

KEPT_C_BEGIN
/* As in mixing.h; l->streams is 1 .. 8. */
void gpu_expand(struct device *d, kept *stream, const kept *vector,
                const struct layout *l, size_t tokens);
void gpu_collapse(struct device *d, kept *vector, const kept *stream,
                  float scale, const struct layout *l, size_t tokens);
void gpu_collapse_backward(struct device *d, kept *dstream,
                           const kept *dvector, float scale,
                           const struct layout *l, size_t tokens);
void gpu_read(struct device *d, kept *input, const kept *stream,
              const float *coefficients, const struct layout *l,
              size_t tokens);
/* dstream NULL: gpu_coefficients_backward is to add to it */
void gpu_read_backward(struct device *d, kept *dstream,
                       float *dcoefficients, const kept *dinput,
                       const kept *stream, const float *coefficients,
                       const struct layout *l, size_t tokens);
void gpu_write(struct device *d, kept *next, const kept *stream,
               const kept *answer, const float *coefficients,
               const struct layout *l, size_t tokens);
void gpu_write_backward(struct device *d, kept *dstream,
                        kept *danswer, float *dcoefficients,
                        const kept *dnext, const kept *stream,
                        const kept *answer, const float *coefficients,
                        const struct layout *l, size_t tokens);
void gpu_coefficients(struct device *d, float *coefficients,
                      const kept *stream, const float *phi,
                      const float *alpha, const float *bias,
                      const struct layout *l, size_t tokens);
/* dstream +=, and what reading passes back from dinput; work:
   gpu_coefficients_work(l) floats */
void gpu_coefficients_backward(
    struct device *d, kept *dstream, float *dphi, float *dalpha,
    float *dbias, float *dcoefficients, float *work,
    const kept *dinput, const kept *stream, const float *coefficients,
    const float *phi,
    const float *alpha, const float *bias, const struct layout *l,
    size_t tokens);
size_t gpu_coefficients_work(const struct layout *l);
/* its second half, from the gradient of z on: dstream += unless NULL,
   dphi +=; without dstream, dinput and phi are not looked at */
void gpu_project_backward(struct device *d, kept *dstream, float *dphi,
                          float *work, const float *dcoefficients,
                          const kept *dinput, const kept *stream,
                          const float *coefficients, const float *phi,
                          const struct layout *l, size_t tokens);
/* sum [count] += those of partial [parts][count], in order */
void gpu_fold(struct device *d, float *sum, const float *partial,
              size_t count, size_t parts);
KEPT_C_END
#endif
