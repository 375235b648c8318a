#include "layers/embedding.h"
#include "ground/slices.h"
#include "ground/reduction.h"

// Look up a row for each token
void embedding_forward(real *out, const token *id, const real *w,
                       size_t tokens, size_t width)
{
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++)
        memcpy(out + t * width, w + (size_t)id[t] * width,
               width * sizeof(real));
}

// Add each token's gradient to its row
void embedding_backward(real *dw, const real *dout, const token *id,
                        size_t tokens, size_t width)
{
    size_t slices = channel_slices(width);
    #pragma omp parallel for schedule(static)
    for (size_t s = 0; s < slices; s++) {
        struct slice slice = slice_of(s, slices, width);
        for (size_t t = 0; t < tokens; t++) {
            real *row = dw + (size_t)id[t] * width;
            for (size_t c = slice.begin; c < slice.end; c++)
                row[c] += dout[t * width + c];
        }
    }
}
