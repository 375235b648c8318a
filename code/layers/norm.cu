#include "layers/norm.cuh"
#include "device/gpu.cuh"

KEPT_BEGIN
/* numbers of a row that a thread keeps; backward, of either */
enum { KEPT = 16, EITHER = KEPT / 2 };

// Packs of numbers
template <int wide>
struct alignas(4 * wide) pack { float at[wide]; };
// Packs as they are kept
template <int wide>
struct alignas(sizeof(kept) * wide) kept_pack {
    kept at[wide];
    __device__ operator pack<wide>() const
    {
        kept_pack all = *this;          /* at once */
        pack<wide> x;
        for (int k = 0; k < wide; k++)
            x.at[k] = all.at[k];
        return x;
    }
    __device__ void operator=(pack<wide> x)
    {
        kept_pack all;
        for (int k = 0; k < wide; k++)
            all.at[k] = x.at[k];
        memcpy(this, &all, sizeof all);
    }
};

template <int wide>
__device__ float dot(pack<wide> a, pack<wide> b)
{
    float sum = 0;
    for (int k = 0; k < wide; k++)
        sum += a.at[k] * b.at[k];
    return sum;
}

template <int wide>
__device__ pack<wide> scaled(pack<wide> gain, pack<wide> x, float r)
{
    pack<wide> y;
    for (int k = 0; k < wide; k++)
        y.at[k] = gain.at[k] * (x.at[k] * r);
    return y;
}

template <int wide>
__device__ void tangent(kept_pack<wide> *d, pack<wide> u, pack<wide> x,
                        float r, float along, bool add)
{
    pack<wide> sum = {};
    if (add)
        sum = *d;
    for (int k = 0; k < wide; k++)
        sum.at[k] += r * (u.at[k] - x.at[k] * r * along);
    *d = sum;
}

// Choose a kernel
static const unsigned sizes[] = { 32, 128, 512, 1024 };

/* the smallest block that keeps a row, or else the largest */
static int size_for(size_t width, size_t kept)
{
    int k = 0;
    while (k < 3 && width > kept * sizes[k])
        k++;
    return k;
}

static bool aligned(const void *p)
{
    return (uintptr_t)p % sizeof(pack<4>) == 0;
}

// Normalise rows
template <int threads, int wide>
__global__ void __launch_bounds__(threads < 128 ? 128 : threads)
norm_kernel(kept *out, float *inverse_rms, const kept *x,
            const float *gain, size_t rows, size_t width)
{
    size_t t = (size_t)blockIdx.x * blockDim.y + threadIdx.y;
    size_t count = width / wide;
    const auto *row = (const kept_pack<wide> *)(x + t * width);
    const pack<wide> *g = (const pack<wide> *)gain;
    auto *y = (kept_pack<wide> *)(out + t * width);
    pack<wide> kept[KEPT / wide];
    float sum = 0;
    if (t >= rows)
        return;
    // Add up the squares, and keep what they are made of
    #pragma unroll
    for (int p = 0; p < KEPT / wide; p++) {
        size_t i = (size_t)p * threads + threadIdx.x;
        kept[p] = i < count ? row[i] : pack<wide>{};
    }
    #pragma unroll
    for (int p = 0; p < KEPT / wide; p++)
        sum += dot(kept[p], kept[p]);
    #pragma unroll 1
    for (size_t i = KEPT / wide * threads + threadIdx.x; i < count;
         i += threads)
        sum += dot<wide>(row[i], row[i]);
    float mean = block_sum<threads>(sum) / (float)width;
    float r = 1 / sqrtf(mean + (float)NORM_EPSILON);
    // Scale what was kept
    #pragma unroll
    for (int p = 0; p < KEPT / wide; p++) {
        size_t i = (size_t)p * threads + threadIdx.x;
        if (i < count) {
            pack<wide> done = scaled(g[i], kept[p], r);
            y[i] = done;
        }
    }
    #pragma unroll 1
    for (size_t i = KEPT / wide * threads + threadIdx.x; i < count;
         i += threads) {
        pack<wide> done = scaled<wide>(g[i], row[i], r);
        y[i] = done;
    }
    if (threadIdx.x == 0)
        inverse_rms[t] = r;
}

typedef void (*norm_function)(kept *, float *, const kept *,
                              const float *, size_t, size_t);
static const norm_function norms[][2] = {
    { norm_kernel<32, 1>, norm_kernel<32, 4> },
    { norm_kernel<128, 1>, norm_kernel<128, 4> },
    { norm_kernel<512, 1>, norm_kernel<512, 4> },
    { norm_kernel<1024, 1>, norm_kernel<1024, 4> },
};

void gpu_norm_forward(struct device *d, kept *out, float *inverse_rms,
                      const kept *x, const float *gain, size_t rows,
                      size_t width)
{
    int k = size_for(width, KEPT);
    unsigned at_once = sizes[k] == WARP ? 4 : 1;
    norm_function kernel = norms[k][width % 4 == 0
        && aligned(out) && aligned(x) && aligned(gain)];
    if (rows == 0)
        return;
    kernel<<<blocks_for(rows, at_once), dim3(sizes[k], at_once), 0,
             stream_of(d)>>>(out, inverse_rms, x, gain, rows, width);
    gpu_launched(d, "norm_kernel");
}

// Take from each row's gradient its part along the row, on the gpu
template <int threads, int wide>
__global__ void __launch_bounds__(threads < 128 ? 128 : threads)
norm_dx_kernel(kept *dx, const kept *dout, const kept *x,
               const float *inverse_rms, const float *gain, size_t rows,
               size_t width, bool add)
{
    size_t t = (size_t)blockIdx.x * blockDim.y + threadIdx.y;
    size_t count = width / wide;
    const auto *row = (const kept_pack<wide> *)(x + t * width);
    const auto *dy = (const kept_pack<wide> *)(dout + t * width);
    const pack<wide> *g = (const pack<wide> *)gain;
    auto *d = (kept_pack<wide> *)(dx + t * width);
    pack<wide> kept[EITHER / wide], u[EITHER / wide];
    float sum = 0;
    if (t >= rows)
        return;
    // Add up the products, and keep what they are made of
    #pragma unroll
    for (int p = 0; p < EITHER / wide; p++) {
        size_t i = (size_t)p * threads + threadIdx.x;
        kept[p] = i < count ? row[i] : pack<wide>{};
        u[p] = i < count ? dy[i] : pack<wide>{};
    }
    #pragma unroll
    for (int p = 0; p < EITHER / wide; p++) {
        size_t i = (size_t)p * threads + threadIdx.x;
        if (i < count)
            u[p] = scaled(g[i], u[p], 1);
        sum += dot(u[p], kept[p]);
    }
    #pragma unroll 1
    for (size_t i = EITHER / wide * threads + threadIdx.x; i < count;
         i += threads)
        sum += dot<wide>(scaled<wide>(g[i], dy[i], 1), row[i]);
    float r = inverse_rms[t];
    float along = r * block_sum<threads>(sum) / (float)width;
    // Take off what is along the row
    #pragma unroll
    for (int p = 0; p < EITHER / wide; p++) {
        size_t i = (size_t)p * threads + threadIdx.x;
        if (i < count)
            tangent(&d[i], u[p], kept[p], r, along, add);
    }
    #pragma unroll 1
    for (size_t i = EITHER / wide * threads + threadIdx.x; i < count;
         i += threads)
        tangent<wide>(&d[i], scaled<wide>(g[i], dy[i], 1), row[i], r,
                      along, add);
}

typedef void (*dx_function)(kept *, const kept *, const kept *,
                            const float *, const float *, size_t,
                            size_t, bool);
static const dx_function gradients[][2] = {
    { norm_dx_kernel<32, 1>, norm_dx_kernel<32, 4> },
    { norm_dx_kernel<128, 1>, norm_dx_kernel<128, 4> },
    { norm_dx_kernel<512, 1>, norm_dx_kernel<512, 4> },
    { norm_dx_kernel<1024, 1>, norm_dx_kernel<1024, 4> },
};

// Add up the gradient of the gain, on the gpu
enum { TALL = 8, SLICE = 256 };

__global__ void norm_dgain_kernel(float *work, const kept *dout,
                                  const kept *x,
                                  const float *inverse_rms, size_t rows,
                                  size_t width)
{
    __shared__ float part[TALL][WARP];
    size_t c = (size_t)blockIdx.y * WARP + threadIdx.x;
    size_t begin = (size_t)blockIdx.x * SLICE;
    size_t end = rows - begin < SLICE ? rows : begin + SLICE;
    float sum = 0;
    if (c < width)
        for (size_t t = begin + threadIdx.y; t < end; t += TALL)
            sum += dout[t * width + c]
                   * (x[t * width + c] * inverse_rms[t]);
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y > 0 || c >= width)
        return;
    for (int k = 1; k < TALL; k++)
        sum += part[k][threadIdx.x];
    work[blockIdx.x * width + c] = sum;
}

__global__ void fold_kernel(float *sum, const float *parts,
                            size_t slices, size_t width)
{
    size_t c = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= width)
        return;
    float all = parts[c];
    for (size_t s = 1; s < slices; s++)
        all += parts[s * width + c];
    sum[c] += all;
}

size_t gpu_norm_work(size_t rows, size_t width)
{
    return blocks_for(rows, SLICE) * width;
}

void gpu_norm_backward(struct device *d, kept *dx, float *dgain,
                       float *work, const kept *dout, const kept *x,
                       const float *inverse_rms, const float *gain,
                       size_t rows, size_t width, bool add)
{
    cudaStream_t s = stream_of(d);
    int k = size_for(width, EITHER);
    unsigned at_once = sizes[k] == WARP ? 4 : 1;
    unsigned slices = blocks_for(rows, SLICE);
    dx_function kernel = gradients[k][width % 4 == 0 && aligned(dx)
        && aligned(dout) && aligned(x) && aligned(gain)];
    if (rows == 0)
        return;
    kernel<<<blocks_for(rows, at_once), dim3(sizes[k], at_once), 0,
             s>>>(dx, dout, x, inverse_rms, gain, rows, width, add);
    gpu_launched(d, "norm_dx_kernel");
    norm_dgain_kernel<<<dim3(slices, blocks_for(width, WARP)),
                        dim3(WARP, TALL), 0, s>>>(
        work, dout, x, inverse_rms, rows, width);
    gpu_launched(d, "norm_dgain_kernel");
    fold_kernel<<<blocks_for(width, SLICE), SLICE, 0, s>>>(
        dgain, work, slices, width);
    gpu_launched(d, "fold_kernel");
}
KEPT_END
