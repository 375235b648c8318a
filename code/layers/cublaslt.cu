#include "device/gpu.cuh"
#include "layers/cublaslt.cuh"
#include "layers/tensor.h"
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

// A library that is open
enum { PLANS = 256, WORKSPACE = 32 << 20 };

/* of one shape: column by column, as the library counts */
struct plan {
    size_t M, N, K;
    bool a_along, b_along, sixteen;     /* c in bf16 */
    bool ours;                          /* the library has none */
    void *product, *a, *b, *c;
    struct lt_algorithm algorithm;
};

struct cublaslt {
#define MEMBER(name, result, arguments) result (*name)arguments;
    LT_FUNCTIONS(MEMBER)
    void *file, *library, *workspace;   /* library NULL: not there */
    struct plan plan[PLANS];
    size_t plans;
    char text[160];                     /* what is there instead */
};

/* rows [i][k], or where k does not run along them, [k][i] */
static bool layout(struct cublaslt *l, void **made, int type, size_t I,
                   size_t K, bool along)
{
    size_t row = along ? K : I;
    return l->MatrixLayoutCreate(made, type, row, along ? I : K,
                                 (int64_t)row) == 0;
}

// Open cuBLASLt
#ifdef __CUDACC__
static const char *const files[] = { "libcublasLt.so.13",
    "libcublasLt.so.12", "libcublasLt.so.11", NULL };
#else
static const char *const files[] = { NULL };
#endif

static bool start(struct cublaslt *l)
{
    bool found = l->file != NULL;
#define FIND(name, result, arguments) \
    found = found && (*(void **)&l->name = \
                      dlsym(l->file, "cublasLt" #name)) != NULL;
    LT_FUNCTIONS(FIND)
    if (!found || l->Create(&l->library) != 0) {
        l->library = NULL;
        return false;
    }
    if (cudaMalloc(&l->workspace, WORKSPACE) == cudaSuccess)
        return true;
    cudaGetLastError();
    l->Destroy(l->library);
    l->library = NULL;
    return false;
}

struct cublaslt *cublaslt_open(void)
{
    struct cublaslt *l = new struct cublaslt();
    const char *named = getenv("CUBLASLT");
    const char *only[] = { named, NULL };
    bool none = named != NULL && strcmp(named, "no") == 0;
    for (const char *const *f = named ? only : files;
         !none && *f != NULL && l->file == NULL; f++)
        l->file = dlopen(*f, RTLD_NOW | RTLD_LOCAL);
    if (!none && start(l)) {
        size_t v = l->GetVersion(), large = v < 100000 ? 1000 : 10000;
        snprintf(l->text, sizeof l->text, "cuBLASLt %zu.%zu.%zu, of "
                 "bf16", v / large, v % large / 100, v % 100);
    } else {
        const char *file = named ? named : files[0];
        snprintf(l->text, sizeof l->text, "its own kernels, of bf16");
        if (!none && file != NULL)
            snprintf(l->text + strlen(l->text), 100, "; %.60s is not "
                     "%s", file, l->file ? "ready" : "here");
    }
    return l;
}

void cublaslt_close(struct cublaslt *l)
{
    for (struct plan *p = l->plan; p < l->plan + l->plans; p++) {
        if (p->product != NULL)
            l->MatmulDescDestroy(p->product);
        for (void *made : { p->a, p->b, p->c })
            if (made != NULL)
                l->MatrixLayoutDestroy(made);
    }
    if (l->library != NULL) {
        l->Destroy(l->library);
        cudaFree(l->workspace);
    }
    if (l->file != NULL)
        dlclose(l->file);
    delete l;
}

extern "C" const char *gpu_sixteen_products(const struct device *d)
{
    return ((const struct gpu *)d->state)->library->text;
}

// Choose an algorithm by the shape
static bool prepare(struct cublaslt *l, struct plan *p)
{
    int to = p->sixteen ? LT_BF16 : LT_FLOATS, turned = LT_TURNED;
    void *wish = NULL;
    uint64_t bytes = WORKSPACE;
    uint32_t apart = LT_APART_IN_FLOATS, aligned = 16;
    struct lt_answer answer = { };
    int answers = 0;
    bool good =
        l->MatmulDescCreate(&p->product, LT_SUMS_IN_FLOATS,
                            LT_FLOATS) == 0
        && (!p->b_along || l->MatmulDescSetAttribute(p->product,
                LT_TURN_A, &turned, sizeof turned) == 0)
        && (p->a_along || l->MatmulDescSetAttribute(p->product,
                LT_TURN_B, &turned, sizeof turned) == 0)
        && layout(l, &p->a, LT_BF16, p->M, p->K, p->a_along)
        && layout(l, &p->b, LT_BF16, p->N, p->K, p->b_along)
        && layout(l, &p->c, to, p->M, p->N, true)
        && l->MatmulPreferenceCreate(&wish) == 0
        && l->MatmulPreferenceSetAttribute(wish, LT_WORKSPACE, &bytes,
                                           sizeof bytes) == 0
        && l->MatmulPreferenceSetAttribute(wish, LT_REDUCTIONS, &apart,
                                           sizeof apart) == 0;
    for (int i = 0; good && i < 4; i++)
        good = l->MatmulPreferenceSetAttribute(wish, LT_ALIGNMENT + i,
                   &aligned, sizeof aligned) == 0;
    good = good && l->MatmulAlgoGetHeuristic(l->library, p->product,
               p->b, p->a, p->c, p->c, wish, 1, &answer, &answers) == 0;
    if (wish != NULL)
        l->MatmulPreferenceDestroy(wish);
    p->algorithm = answer.algorithm;
    return good && answers > 0 && answer.status == 0
        && answer.workspace <= WORKSPACE;
}

/* the same shape in the same formats */
static bool same(const struct plan *p, const struct plan *q)
{
    return p->M == q->M && p->N == q->N && p->K == q->K
        && p->a_along == q->a_along && p->b_along == q->b_along
        && p->sixteen == q->sixteen;
}

/* NULL: by us */
static struct plan *plan_for(struct cublaslt *l, struct plan wanted)
{
    struct plan *p = l->plan;
    while (p < l->plan + l->plans && !same(p, &wanted))
        p++;
    if (p == l->plan + PLANS)
        return NULL;
    if (p == l->plan + l->plans) {
        *p = wanted;
        p->ours = !prepare(l, p);
        l->plans++;
    }
    return p->ours ? NULL : p;
}

// Multiply by cuBLASLt
static bool taken(struct array a, bool factor)
{
    return (a.format == BF16 || !factor) && a.columns % 8 == 0
        && (uintptr_t)a.at % 16 == 0;
}

bool cublaslt_product(struct device *d, struct array c, struct array a,
                      struct array b, bool a_along, bool b_along,
                      bool add)
{
    const struct gpu *g = (const struct gpu *)d->state;
    struct cublaslt *l = g->library;
    size_t K = a_along ? a.columns : a.rows;
    float alpha = 1, beta = add ? 1.f : 0.f;
    if (l == NULL || l->library == NULL || g->products != BY_ANY
        || c.rows == 0 || K == 0
        || !taken(a, true) || !taken(b, true) || !taken(c, false))
        return false;
    struct plan *p = plan_for(l, { c.rows, c.columns, K, a_along,
                                   b_along, c.format == BF16 });
    if (p == NULL)
        return false;
    int status = l->Matmul(l->library, p->product, &alpha, b.at, p->b,
                           a.at, p->a, &beta, c.at, p->c, c.at, p->c,
                           &p->algorithm, l->workspace, WORKSPACE,
                           stream_of(d));
    if (status != 0) {
        char text[80];
        snprintf(text, sizeof text, "gpu: cublasLtMatmul: status %d",
                 status);
        device_fail(d, EX_OSERR, text);
    }
    return true;
}

// The three products, by a library or by us
void library_product(struct device *d, struct array y, struct array x,
                     struct array w)
{
    if (!cublaslt_product(d, y, x, w, true, true, false))
        sixteen_gpu_product(d, y, x, w);
}

void library_product_input(struct device *d, struct array dx,
                           struct array dy, struct array w, bool add)
{
    if (!cublaslt_product(d, dx, dy, w, true, false, add))
        sixteen_gpu_product_input(d, dx, dy, w, add);
}

void library_product_weight(struct device *d, struct array dw,
                            struct array dy, struct array x)
{
    if (!cublaslt_product(d, dw, dy, x, false, false, true))
        sixteen_gpu_product_weight(d, dw, dy, x);
}
