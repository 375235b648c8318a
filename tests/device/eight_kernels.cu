#include "device/eight.cuh"
#include "device/eight_kernels.h"

static __global__ void codes_kernel(uint16_t *pair, uint32_t first,
                                    size_t count)
{
    size_t all = (size_t)gridDim.x * blockDim.x;
    for (size_t i = blockIdx.x * blockDim.x + threadIdx.x; i < count;
         i += all) {
        float x = __uint_as_float(first + (uint32_t)i);
        pair[i] = (uint16_t)e4m3_pair(x, -x);
    }
}

void eight_codes(struct device *d, uint16_t *pair, uint32_t first,
                 size_t count)
{
    codes_kernel<<<64, 256, 0, stream_of(d)>>>(pair, first, count);
    gpu_launched(d, "codes_kernel");
}
