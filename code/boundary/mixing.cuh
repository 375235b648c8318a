#ifndef MIXING_CUH
#define MIXING_CUH
#include "mix/mix.cuh"

LANGUAGE_C_BEGIN
/* As in mixing.h; l->streams is 1 .. 8. */
void gpu_expand(struct device *d, float *stream, const float *vector,
                const struct layout *l, size_t tokens);
void gpu_collapse(struct device *d, float *vector, const float *stream,
                  float scale, const struct layout *l, size_t tokens);
void gpu_collapse_backward(struct device *d, float *dstream,
                           const float *dvector, float scale,
                           const struct layout *l, size_t tokens);
void gpu_read(struct device *d, float *input, const float *stream,
              const float *coefficients, const struct layout *l,
              size_t tokens);
void gpu_read_backward(struct device *d, float *dstream,
                       float *dcoefficients, const float *dinput,
                       const float *stream, const float *coefficients,
                       const struct layout *l, size_t tokens);
void gpu_write(struct device *d, float *next, const float *stream,
               const float *answer, const float *coefficients,
               const struct layout *l, size_t tokens);
void gpu_write_backward(struct device *d, float *dstream,
                        float *danswer, float *dcoefficients,
                        const float *dnext, const float *stream,
                        const float *answer, const float *coefficients,
                        const struct layout *l, size_t tokens);
void gpu_coefficients(struct device *d, float *coefficients,
                      const float *stream, const float *phi,
                      const float *alpha, const float *bias,
                      const struct layout *l, size_t tokens);
/* work: gpu_coefficients_work(l) floats */
void gpu_coefficients_backward(
    struct device *d, float *dstream, float *dphi, float *dalpha,
    float *dbias, float *dcoefficients, float *work,
    const float *stream, const float *coefficients, const float *phi,
    const float *alpha, const float *bias, const struct layout *l,
    size_t tokens);
size_t gpu_coefficients_work(const struct layout *l);
LANGUAGE_C_END
#endif
