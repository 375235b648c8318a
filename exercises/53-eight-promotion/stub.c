#include "support/tensor_core.h"

float promoted_sum(const float *ab, size_t count);

float promoted_sum(const float *ab, size_t count)
{
    (void)ab, (void)count;
    return 0;
}
