#include "device/gpu.cuh"
#include "layers/general.cuh"

enum { THREADS = 256 };

// An element of a factor
/* row i, element k of op(f): steps from one to the next */
struct factor { struct array f; size_t row, along; };

static __device__ float element(const struct factor &a, size_t i,
                                size_t k)
{
    size_t at = i * a.row + k * a.along;
    return a.f.format == F32
        ? (float)sixteen(((const float *)a.f.at)[at])
        : (float)((const struct sixteen *)a.f.at)[at];
}

// Multiply, an element to a thread
/* c = or, where add, += op(a) op(b)^T over K */
static __global__ void multiply(struct array c, struct factor a,
                                struct factor b, size_t K, bool add)
{
    size_t n = blockIdx.x * (size_t)THREADS + threadIdx.x;
    if (n >= c.rows * c.columns)
        return;
    float sum = 0;
    for (size_t k = 0; k < K; k++)
        sum += element(a, n / c.columns, k)
             * element(b, n % c.columns, k);
    if (c.format == F32) {
        float *to = (float *)c.at + n;
        *to = add ? *to + sum : sum;
    } else {
        struct sixteen *to = (struct sixteen *)c.at + n;
        *to = add ? *to + sum : sum;
    }
}

// The three products, an element to a thread
static void product(struct device *d, struct array c, struct factor a,
                    struct factor b, size_t K, bool add)
{
    size_t count = c.rows * c.columns;
    if (count == 0 || K == 0)
        return;
    multiply<<<blocks_for(count, THREADS), THREADS, 0, stream_of(d)>>>(
        c, a, b, K, add);
    gpu_launched(d, "multiply");
}

void sixteen_general_product(struct device *d, struct array y,
                             struct array x, struct array w)
{
    product(d, y, { x, x.columns, 1 }, { w, w.columns, 1 }, x.columns,
            false);
}

void sixteen_general_product_input(struct device *d, struct array dx,
                                   struct array dy, struct array w,
                                   bool add)
{
    product(d, dx, { dy, dy.columns, 1 }, { w, 1, w.columns }, w.rows,
            add);
}

void sixteen_general_product_weight(struct device *d, struct array dw,
                                    struct array dy, struct array x)
{
    product(d, dw, { dy, 1, dy.columns }, { x, 1, x.columns }, dy.rows,
            true);
}
