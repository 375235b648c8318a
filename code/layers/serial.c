#include "layers/matmul.h"
#ifdef BLAS_NONE
// The serial product is the loops
void matmul_serial(bool transpose_a, bool transpose_b,
                   size_t m, size_t n, size_t k,
                   real alpha, const real *a, size_t lda,
                   const real *b, size_t ldb,
                   real beta, real *c, size_t ldc)
{
    matmul_loops(transpose_a, transpose_b, m, n, k, alpha, a, lda,
                 b, ldb, beta, c, ldc);
}

const char *matmul_library(void)
{
    return "loops";
}

bool matmul_ready(struct message *m)
{
    (void)m;
    return true;
}
#else
// The serial product is OpenBLAS's
#include <assert.h>
#include <cblas.h>
#include <limits.h>
#include <omp.h>
#include <stdio.h>
#include <sysexits.h>
#include <threads.h>
#include "ground/memory.h"

#ifdef REAL_IS_DOUBLE
#define gemm cblas_dgemm
#else
#define gemm cblas_sgemm
#endif

// Set OpenBLAS up, once
static once_flag ready = ONCE_FLAG_INIT;
static char library[80];

static void set_up(void)
{
    char name[24] = "", version[24] = "";

    openblas_set_num_threads(1);
    sscanf(openblas_get_config(), "%23s %23s", name, version);
    snprintf(library, sizeof library, "%s %s %s", name, version,
             openblas_get_corename());
}

static int only_one_thread(void)
{
    int threads = omp_get_max_threads();

    call_once(&ready, set_up);
    omp_set_num_threads(1);
    return threads;
}
// Sizes as OpenBLAS wants them
static blasint narrow(size_t size)
{
    assert(size <= INT_MAX);
    return (blasint)size;
}

static CBLAS_TRANSPOSE how(bool transpose)
{
    return transpose ? CblasTrans : CblasNoTrans;
}
// One product, one thread
void matmul_serial(bool transpose_a, bool transpose_b,
                   size_t m, size_t n, size_t k,
                   real alpha, const real *a, size_t lda,
                   const real *b, size_t ldb,
                   real beta, real *c, size_t ldc)
{
    int threads = only_one_thread();

    gemm(CblasRowMajor, how(transpose_a), how(transpose_b),
         narrow(m), narrow(n), narrow(k), alpha, a, narrow(lda),
         b, narrow(ldb), beta, c, narrow(ldc));
    omp_set_num_threads(threads);
}

const char *matmul_library(void)
{
    omp_set_num_threads(only_one_thread());
    return library;
}

void *blas_memory_alloc(int unused);
void blas_memory_free(void *buffer);

enum { BUFFER = 1 << 27, BUFFERS = 64 };   /* bytes; at most */

bool matmul_ready(struct message *m)
{
    static size_t had = 0;
    size_t count = (size_t)omp_get_max_threads();
    void *buffer[BUFFERS];
    count = count < BUFFERS ? count : BUFFERS;
    if (count > had && !memory_there((count - had) * BUFFER))
        return fail(m, EX_OSERR, "no memory: matrix products on %zu "
                    "threads need %zu MiB of addresses; allow more "
                    "(ulimit -v), or fewer threads (OMP_NUM_THREADS)",
                    count, count * (BUFFER >> 20));
    for (size_t i = 0; i < count; i++)
        buffer[i] = blas_memory_alloc(0);
    for (size_t i = 0; i < count; i++)
        blas_memory_free(buffer[i]);
    had = count > had ? count : had;
    return true;
}
#endif
