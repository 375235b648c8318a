#ifndef PROJECT_CUH
#define PROJECT_CUH
#include "mix/mix.h"
struct device;

LANGUAGE_C_BEGIN
/* Raw projections and inverse_rms in each row of the coefficients, as
   mixing_coefficients of boundary/mixing.h has them, from streams in
   bf16, [tokens][n C]; phi in floats. Sums in floats, in an order that
   the shapes decide. */
void gpu_project_sixteen(struct device *d, float *coefficients,
                         const void *stream, const float *phi,
                         const struct layout *l, size_t tokens);
LANGUAGE_C_END
#endif
