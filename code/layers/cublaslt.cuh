#ifndef CUBLASLT_CUH
#define CUBLASLT_CUH
#include "device/device.h"

/* What we use of cuBLASLt, in our names; NVIDIA's are in its header,
   cublasLt.h. Every function returns 0 if all is well. */
// Constants and types of cuBLASLt
enum { LT_FLOATS = 0, LT_BF16 = 14,     /* CUDA_R_32F, _16BF */
       LT_SUMS_IN_FLOATS = 68,          /* CUBLAS_COMPUTE_32F */
       LT_TURN_A = 3, LT_TURN_B = 4,    /* of a product */
       LT_TURNED = 1,                   /* CUBLAS_OP_T */
       LT_WORKSPACE = 1,                /* preferences: bytes, */
       LT_REDUCTIONS = 3,               /* how parts are added, */
       LT_ALIGNMENT = 5,                /* of A, and then B, C, D */
       LT_APART_IN_FLOATS = 2 };        /* ..._SCHEME_COMPUTE_TYPE */

struct lt_algorithm { uint64_t data[8]; };
struct lt_answer {
    struct lt_algorithm algorithm;
    size_t workspace;
    int status;
    float waves;
    int reserved[4];
};

// Functions of cuBLASLt
/* f(name, what it returns, what it takes) */
#define LT_FUNCTIONS(f) \
    f(GetVersion, size_t, (void)) \
    f(Create, int, (void **library)) \
    f(Destroy, int, (void *library)) \
    f(MatrixLayoutCreate, int, (void **layout, int type, \
        uint64_t rows, uint64_t columns, int64_t column)) \
    f(MatrixLayoutDestroy, int, (void *layout)) \
    f(MatmulDescCreate, int, (void **product, int sums, int scale)) \
    f(MatmulDescDestroy, int, (void *product)) \
    f(MatmulDescSetAttribute, int, (void *product, int which, \
        const void *value, size_t bytes)) \
    f(MatmulPreferenceCreate, int, (void **preference)) \
    f(MatmulPreferenceDestroy, int, (void *preference)) \
    f(MatmulPreferenceSetAttribute, int, (void *preference, \
        int which, const void *value, size_t bytes)) \
    f(MatmulAlgoGetHeuristic, int, (void *library, void *product, \
        void *a, void *b, void *c, void *d, void *preference, \
        int most, struct lt_answer *answer, int *answers)) \
    f(Matmul, int, (void *library, void *product, const void *alpha, \
        const void *a, void *layout_a, const void *b, void *layout_b, \
        const void *beta, const void *c, void *layout_c, void *d, \
        void *layout_d, const struct lt_algorithm *algorithm, \
        void *workspace, size_t bytes, cudaStream_t stream))

LANGUAGE_C_BEGIN
/* c [M][N] = or, where add, += op(a) op(b)^T: k runs along the rows of
   a (then a is [M][K]) or down (a is [K][M]), and so for b. a, b BF16,
   c BF16 or F32, sums in single. False, and nothing is done, if there
   is no library, or it does not take these. */
bool cublaslt_product(struct device *d, struct array c, struct array a,
                      struct array b, bool a_along, bool b_along,
                      bool add);
/* by it, or by layers/tensor.h's: the products of device/device.h */
void library_product(struct device *d, struct array y, struct array x,
                     struct array w);
void library_product_input(struct device *d, struct array dx,
                           struct array dy, struct array w, bool add);
void library_product_weight(struct device *d, struct array dw,
                            struct array dy, struct array x);
struct cublaslt;
/* as the environment says, see cublaslt.cu; never NULL */
struct cublaslt *cublaslt_open(void);
void cublaslt_close(struct cublaslt *l);
LANGUAGE_C_END
#endif
