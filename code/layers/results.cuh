#ifndef RESULTS_CUH
#define RESULTS_CUH
#include "device/gpu.cuh"
#include "device/tensor.cuh"

enum { HIGH = 128,                  /* rows of a tile */
       STAGES = 4, WORKERS = 256 }; /* threads that multiply */

// What is compiled for sm_90a
#if defined __CUDACC__ && !defined WITH_SM_90A
enum { ONLY = 0 };          /* of sm_90a there is nothing but traps */
#else
enum { ONLY = 90 };
#endif

// Which tile is made
/* Tile t of c begins at row i and column j: in groups of eight rows of
   tiles, column by column */
struct place { int i, j; };
template <int WIDE>
static __device__ struct place place_of(unsigned t, int M, int N)
{
    unsigned across = (N + WIDE - 1) / WIDE, group = t / (8 * across);
    unsigned down = min((M + HIGH - 1) / HIGH - 8 * group, 8u);
    t -= 8 * across * group;
    return { (int)(8 * group + t % down) * HIGH,
             (int)(t / down) * WIDE };
}

// Write the sums of a warpgroup
/* two neighbours */
static __device__ void put(float *c, float x, float y, bool add)
{
    float2 v = make_float2(x, y);
    if (add) {
        float2 before = *(float2 *)c;
        v.x += before.x;
        v.y += before.y;
    }
    *(float2 *)c = v;
}

static __device__ void put(uint16_t *c, float x, float y, bool add)
{
    unsigned *pair = (unsigned *)c;
    if (add) {
        x += __uint_as_float(*pair << 16);
        y += __uint_as_float(*pair & 0xffff0000);
    }
    *pair = pack_bf16(x, y);
}
template <int n, class number>
static __device__ void write(number *c, const float (&sum)[n], int i,
                             int j, int M, int N, bool add)
{
    int lane = threadIdx.x % 32;
    i += threadIdx.x / 32 * 16 + lane / 4;
    j += lane % 4 * 2;
    #pragma unroll
    for (int k = 0; k < n; k += 2) {
        int row = i + k % 4 * 4, column = j + k / 4 * 8;
        if (row < M && column < N)
            put(c + (size_t)row * N + column, sum[k], sum[k + 1], add);
    }
}
#endif
