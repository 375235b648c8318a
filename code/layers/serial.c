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
#include <stdlib.h>
#include <strings.h>
#include <sysexits.h>
#include <threads.h>
#include <unistd.h>
#include "ground/memory.h"
// Headers of the serial product
#include "layers/onednn.h"

#ifdef REAL_IS_DOUBLE
#define gemm cblas_dgemm
#else
#define gemm cblas_sgemm
#endif

// Set OpenBLAS up, once
static once_flag ready = ONCE_FLAG_INIT;
static char library[80];

// Take kernels for a processor that OpenBLAS does not know
#ifdef __x86_64__
void gotoblas_dynamic_init(void) __attribute__((weak));
void gotoblas_dynamic_quit(void) __attribute__((weak));

static void take_newer_kernels(void)
{
    static const char *const wide[] = {
        "Haswell", "Zen", "SkylakeX", "Cooperlake", "Sapphirerapids" };
    const char *mine = openblas_get_corename();

    __builtin_cpu_init();
    if (gotoblas_dynamic_init == NULL || gotoblas_dynamic_quit == NULL
        || getenv("OPENBLAS_CORETYPE") != NULL
        || !__builtin_cpu_supports("avx2")
        || !__builtin_cpu_supports("fma"))
        return;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (strcasecmp(mine, wide[i]) == 0)
            return;
    bool more = __builtin_cpu_supports("avx512f")
             && __builtin_cpu_supports("avx512bw")
             && __builtin_cpu_supports("avx512vl")
             && __builtin_cpu_supports("avx512dq");
    static char kernels[][32] = { "OPENBLAS_CORETYPE=Haswell",
                                  "OPENBLAS_CORETYPE=SkylakeX" };
    char **ours = environ, *theirs[] = { kernels[more], NULL };
    environ = theirs;           /* for the moment in which it looks */
    gotoblas_dynamic_quit();
    gotoblas_dynamic_init();
    environ = ours;
}
#else
static void take_newer_kernels(void) { }
#endif

static void set_up(void)
{
    char name[24] = "", version[24] = "";

    take_newer_kernels();
    openblas_set_num_threads(1);
    sscanf(openblas_get_config(), "%23s %23s", name, version);
    snprintf(library, sizeof library, "%s %s %s", name, version,
             openblas_get_corename());
    // Name another library
    const char *other = onednn_library(false);
    if (other != NULL)
        snprintf(library, sizeof library, "%s, %s %s %s", other, name,
                 version, openblas_get_corename());
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

    // Let another library multiply
    const struct onednn_shape s = { .m = m, .n = n, .k = k, .row_a = lda,
        .row_b = ldb, .row_c = ldc, .transpose_a = transpose_a,
        .transpose_b = transpose_b, .add = beta == 1 };
    if (alpha == 1 && (beta == 0 || beta == 1)
        && onednn_multiply(s, c, a, b)) {
        omp_set_num_threads(threads);
        return;
    }
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
