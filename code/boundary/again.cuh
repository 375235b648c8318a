#ifndef AGAIN_CUH
#define AGAIN_CUH
#include "boundary/boundary.h"
#include "boundary/written.cuh"

/* dphi +=, as gpu_project_backward adds it up, bit for bit, with
   streams that are made on the way; rows, drows: [T][ROW] of mHC with
   2, 4 or 8 streams */
void gpu_phi_again(struct device *d, float *dphi, float *work,
                   const float *drows, const float *rows,
                   const struct source *next, const struct layout *l,
                   size_t tokens);
#endif
