#include "device/gpu.cuh"
#include "layers/cublaslt.cuh"
#include "layers/fake_cublaslt.h"

struct fake_cublaslt fake_cublaslt;

/* by nvcc the real one's names would be taken */
#ifndef __CUDACC__
// The functions of a fake cuBLASLt
struct fake { int number[16]; int64_t rows, columns, column; };

static int make(void **made)
{
    *made = new struct fake();
    fake_cublaslt.alive++;
    return 0;
}

static int give_back(void *made)
{
    delete (struct fake *)made;
    fake_cublaslt.alive--;
    return 0;
}

static int set(void *of, int which, const void *value, size_t bytes)
{
    assert(which < 16 && (bytes == 4 || bytes == 8));
    memcpy(&((struct fake *)of)->number[which], value, 4);
    return 0;
}

/* element i, k of op(m) */
static __device__ float element(const void *at, const struct fake &m,
                                bool turned, int64_t i, int64_t k)
{
    int64_t n = turned ? i * m.column + k : k * m.column + i;
    assert((turned ? k : i) < m.rows && (turned ? i : k) < m.columns);
    return m.number[0] == LT_FLOATS ? ((const float *)at)[n]
         : (float)((const struct sixteen *)at)[n];
}

static __global__ void multiply(void *d, struct fake D, const void *a,
                                struct fake A, const void *b,
                                struct fake B, int turn_a, int turn_b,
                                float alpha, float beta)
{
    int64_t n = blockIdx.x * (int64_t)blockDim.x + threadIdx.x;
    int64_t i = n % D.rows, j = n / D.rows, at = j * D.column + i;
    float sum = 0;
    if (j >= D.columns)
        return;
    for (int64_t k = 0; k < (turn_a ? A.rows : A.columns); k++)
        sum += element(a, A, turn_a, i, k)
             * element(b, B, !turn_b, j, k);
    sum = alpha * sum + (beta == 0 ? 0
                         : beta * element(d, D, false, i, j));
    if (D.number[0] == LT_FLOATS)
        ((float *)d)[at] = sum;
    else
        ((struct sixteen *)d)[at] = sum;
}

extern "C" {
size_t cublasLtGetVersion(void) { return 130002; }
int cublasLtCreate(void **l) { return make(l); }
int cublasLtDestroy(void *l) { return give_back(l); }
int cublasLtMatrixLayoutDestroy(void *l) { return give_back(l); }
int cublasLtMatmulDescDestroy(void *p) { return give_back(p); }
int cublasLtMatmulPreferenceCreate(void **p) { return make(p); }
int cublasLtMatmulPreferenceDestroy(void *p) { return give_back(p); }

int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows,
                               uint64_t columns, int64_t column)
{
    make(layout);
    struct fake *f = (struct fake *)*layout;
    f->number[0] = type;
    f->rows = (int64_t)rows, f->columns = (int64_t)columns;
    f->column = column;
    return column < f->rows;
}

int cublasLtMatmulDescCreate(void **product, int sums, int scale)
{
    make(product);
    return sums != LT_SUMS_IN_FLOATS || scale != LT_FLOATS;
}

int cublasLtMatmulDescSetAttribute(void *product, int which,
                                   const void *value, size_t bytes)
{
    return set(product, which, value, bytes);
}

int cublasLtMatmulPreferenceSetAttribute(void *p, int which,
                                         const void *value,
                                         size_t bytes)
{
    return set(p, which, value, bytes);
}
// Ask, and multiply

int cublasLtMatmulAlgoGetHeuristic(
    void *, void *product, void *a, void *b, void *c, void *d,
    void *preference, int most, struct lt_answer *answer, int *answers)
{
    const struct fake *p = (const struct fake *)preference;
    const struct fake *A = (const struct fake *)a;
    bool turned = ((const struct fake *)product)->number[LT_TURN_A];
    fake_cublaslt.asked++;
    assert(c == d && most == 1 && b != NULL);
    for (int i = 0; i < 4; i++)
        assert(p->number[LT_ALIGNMENT + i] == 16);
    assert(p->number[LT_REDUCTIONS] == LT_APART_IN_FLOATS);
    *answers = (turned ? A->rows : A->columns) != FAKE_REFUSES;
    *answer = { };
    answer->algorithm.data[7] = 4711;
    answer->workspace = (size_t)p->number[LT_WORKSPACE];
    return 0;
}

int cublasLtMatmul(void *, void *product, const void *alpha,
                   const void *a, void *layout_a, const void *b,
                   void *layout_b, const void *beta, const void *c,
                   void *layout_c, void *d, void *layout_d,
                   const struct lt_algorithm *algorithm,
                   void *workspace, size_t bytes, cudaStream_t stream)
{
    const int *turned = ((const struct fake *)product)->number;
    struct fake A = *(const struct fake *)layout_a;
    struct fake B = *(const struct fake *)layout_b;
    struct fake D = *(const struct fake *)layout_d;
    fake_cublaslt.products++;
    assert(c == d && layout_c == layout_d && workspace != NULL);
    assert(bytes >= 1 << 20 && algorithm->data[7] == 4711);
    unsigned blocks = (unsigned)(D.rows * D.columns + 63) / 64;
    multiply<<<blocks, 64, 0, stream>>>(
        d, D, a, A, b, B, turned[LT_TURN_A], turned[LT_TURN_B],
        *(const float *)alpha, *(const float *)beta);
    return cudaGetLastError() != cudaSuccess;
}
}
#elif __has_include(<cublasLt.h>)
// Compare our constants with NVIDIA's header
#include <cublasLt.h>
#include <stddef.h>

static_assert(LT_FLOATS == (int)CUDA_R_32F
    && LT_BF16 == (int)CUDA_R_16BF
    && LT_SUMS_IN_FLOATS == (int)CUBLAS_COMPUTE_32F
    && LT_TURN_A == (int)CUBLASLT_MATMUL_DESC_TRANSA
    && LT_TURN_B == (int)CUBLASLT_MATMUL_DESC_TRANSB
    && LT_TURNED == (int)CUBLAS_OP_T
    && LT_WORKSPACE == (int)CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES
    && LT_REDUCTIONS
       == (int)CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK
    && LT_APART_IN_FLOATS
       == (int)CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE
    && LT_ALIGNMENT
       == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES
    && LT_ALIGNMENT + 3
       == (int)CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES);
static_assert(sizeof(lt_algorithm) == sizeof(cublasLtMatmulAlgo_t)
    && sizeof(lt_answer) == sizeof(cublasLtMatmulHeuristicResult_t)
    && offsetof(lt_answer, workspace)
       == offsetof(cublasLtMatmulHeuristicResult_t, workspaceSize)
    && offsetof(lt_answer, status)
       == offsetof(cublasLtMatmulHeuristicResult_t, state));
#endif
