#include "layers/onednn.h"
#if defined BLAS_NONE || defined REAL_IS_DOUBLE
// A program without oneDNN
bool onednn_chosen(bool sixteen)
{
    (void)sixteen;
    return false;
}

const char *onednn_library(bool sixteen)
{
    (void)sixteen;
    return NULL;
}

const struct onednn *onednn_prepare(struct onednn_shape s)
{
    (void)s;
    return NULL;
}

size_t onednn_scratch(const struct onednn *p)
{
    (void)p;
    return 0;
}

bool onednn_run(const struct onednn *p, void *c, const void *a,
                const void *b, void *scratch)
{
    (void)p, (void)c, (void)a, (void)b, (void)scratch;
    return false;
}

bool onednn_multiply(struct onednn_shape s, void *c, const void *a,
                     const void *b)
{
    (void)s, (void)c, (void)a, (void)b;
    return false;
}
#else
#include <dlfcn.h>
#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <threads.h>

// Open oneDNN
#define FUNCTIONS(f) \
    f(get_effective_cpu_isa) f(version) \
    f(memory_desc_init_by_strides) f(primitive_attr_create) \
    f(post_ops_create) f(post_ops_append_sum) \
    f(primitive_attr_set_post_ops) \
    f(primitive_attr_set_scratchpad_mode) f(matmul_desc_init) \
    f(primitive_desc_create) f(primitive_create) \
    f(primitive_desc_query_md) f(primitive_desc_destroy) \
    f(post_ops_destroy) f(primitive_attr_destroy) \
    f(primitive_destroy) f(engine_create) f(memory_desc_get_size) \
    f(stream_create) f(memory_create) f(primitive_execute) \
    f(stream_wait) f(memory_destroy) f(stream_destroy)
static struct {
#define MEMBER(name) __typeof__(dnnl_##name) *name;
    FUNCTIONS(MEMBER)
} dnnl;

#define TEXT(number) #number
#define FILE_OF(version) "libdnnl.so." TEXT(version)
static once_flag once = ONCE_FLAG_INIT;
static bool open;
static dnnl_engine_t engine;

static void try_to_open(void)
{
    void *file = dlopen(FILE_OF(DNNL_VERSION_MAJOR), RTLD_NOW);
    open = file != NULL;
#define FIND(name) \
    open = open && (*(void **)&dnnl.name = dlsym(file, "dnnl_" #name));
    FUNCTIONS(FIND)
    open = open
        && dnnl.engine_create(&engine, dnnl_cpu, 0) == dnnl_success;
}

static bool open_library(void)
{
    call_once(&once, try_to_open);
    return open;
}

// Choose by the processor
static bool has(dnnl_cpu_isa_t isa)
{
    unsigned mine = dnnl.get_effective_cpu_isa();
    return (mine & isa) == (unsigned)isa;
}

// Say what makes bf16 fast
/* what makes it fast, in bf16 or in floats; NULL: nothing does */
static const char *reason(bool sixteen)
{
#ifdef __x86_64__
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx512bw") || !open_library())
        return NULL;
    if (!sixteen)
        return has(dnnl_cpu_isa_avx512_core) ? "AVX-512" : NULL;
    if (has(dnnl_cpu_isa_avx512_core_amx))
        return "AMX";
    if (has(dnnl_cpu_isa_avx512_core_bf16) && __builtin_cpu_is("amd"))
        return "AVX512_BF16";
#endif
    return NULL;
}

static const char *chosen[2];

static void choose(void)
{
    chosen[0] = reason(false);
    chosen[1] = reason(true);
}

bool onednn_chosen(bool sixteen)
{
    static once_flag asked = ONCE_FLAG_INIT;
    call_once(&asked, choose);
    return chosen[sixteen] != NULL;
}

const char *onednn_library(bool sixteen)
{
    static char name[2][64];
    if (!onednn_chosen(sixteen))
        return NULL;
    const dnnl_version_t *v = dnnl.version();
    snprintf(name[sixteen], sizeof name[0], "oneDNN %d.%d.%d (%s)",
             v->major, v->minor, v->patch, chosen[sixteen]);
    return name[sixteen];
}

// Describe a matrix to oneDNN
static bool matrix(dnnl_memory_desc_t *d, size_t rows, size_t columns,
                   size_t row, bool transpose, bool sixteen)
{
    const dnnl_dims_t size = { (dnnl_dim_t)rows, (dnnl_dim_t)columns };
    const dnnl_dims_t step = { transpose ? 1 : (dnnl_dim_t)row,
                               transpose ? (dnnl_dim_t)row : 1 };
    return dnnl.memory_desc_init_by_strides(d, 2, size,
        sixteen ? dnnl_bf16 : dnnl_f32, step) == dnnl_success;
}

// Prepare a product
struct onednn {
    struct onednn_shape shape;
    dnnl_memory_desc_t a, b, c, scratch;
    dnnl_primitive_t primitive;
};

enum { PRODUCTS = 256 };
static _Thread_local struct onednn *ready;
static _Thread_local size_t used;

static bool same(const struct onednn_shape *s,
                 const struct onednn_shape *t)
{
    return s->m == t->m && s->n == t->n && s->k == t->k
        && s->row_a == t->row_a && s->row_b == t->row_b
        && s->row_c == t->row_c && s->transpose_a == t->transpose_a
        && s->transpose_b == t->transpose_b && s->add == t->add
        && s->sixteen == t->sixteen && s->c_sixteen == t->c_sixteen;
}

static bool make(struct onednn *p)
{
    const struct onednn_shape *s = &p->shape;
    dnnl_primitive_attr_t attributes = NULL;
    dnnl_post_ops_t after = NULL;
    dnnl_matmul_desc_t product;
    dnnl_primitive_desc_t plan = NULL;
    bool good = dnnl.primitive_attr_create(&attributes) == dnnl_success
        && dnnl.post_ops_create(&after) == dnnl_success
        && (!s->add
            || dnnl.post_ops_append_sum(after, 1) == dnnl_success)
        && dnnl.primitive_attr_set_post_ops(attributes, after)
           == dnnl_success
        && dnnl.primitive_attr_set_scratchpad_mode(attributes,
               dnnl_scratchpad_mode_user) == dnnl_success
        && matrix(&p->a, s->m, s->k, s->row_a, s->transpose_a,
                  s->sixteen)
        && matrix(&p->b, s->k, s->n, s->row_b, s->transpose_b,
                  s->sixteen)
        && matrix(&p->c, s->m, s->n, s->row_c, false, s->c_sixteen)
        && dnnl.matmul_desc_init(&product, &p->a, &p->b, NULL, &p->c)
           == dnnl_success
        && dnnl.primitive_desc_create(&plan, &product, attributes,
                                      engine, NULL) == dnnl_success
        && dnnl.primitive_create(&p->primitive, plan) == dnnl_success;
    if (good)
        p->scratch = *dnnl.primitive_desc_query_md(plan,
                         dnnl_query_scratchpad_md, 0);
    dnnl.primitive_desc_destroy(plan);
    dnnl.post_ops_destroy(after);
    dnnl.primitive_attr_destroy(attributes);
    return good;
}

const struct onednn *onednn_prepare(struct onednn_shape s)
{
    for (size_t i = 0; i < used; i++)
        if (same(&ready[i].shape, &s))
            return &ready[i];
    if (used == PRODUCTS)       /* begin again */
        while (used > 0)
            dnnl.primitive_destroy(ready[--used].primitive);
    if (!open_library()
        || (ready == NULL
            && (ready = calloc(PRODUCTS, sizeof *ready)) == NULL))
        return NULL;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    ready[used] = (struct onednn){ .shape = s };
    bool good = make(&ready[used]);
    omp_set_num_threads(threads);
    return good ? &ready[used++] : NULL;
}

size_t onednn_scratch(const struct onednn *p)
{
    return p == NULL ? 0 : dnnl.memory_desc_get_size(&p->scratch);
}

// Run a product
bool onednn_run(const struct onednn *p, void *c, const void *a,
                const void *b, void *scratch)
{
    const dnnl_memory_desc_t *shape[] = { &p->a, &p->b, &p->c,
                                          &p->scratch };
    void *at[] = { (void *)(uintptr_t)a, (void *)(uintptr_t)b, c,
                   scratch };
    dnnl_exec_arg_t list[] = { { .arg = DNNL_ARG_SRC },
        { .arg = DNNL_ARG_WEIGHTS }, { .arg = DNNL_ARG_DST },
        { .arg = DNNL_ARG_SCRATCHPAD } };
    dnnl_stream_t stream = NULL;
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    bool good = dnnl.stream_create(&stream, engine,
                                   dnnl_stream_default_flags)
                == dnnl_success;
    for (size_t i = 0; i < 4; i++)
        good = dnnl.memory_create(&list[i].memory, shape[i], engine,
                                  at[i]) == dnnl_success && good;
    good = good && dnnl.primitive_execute(p->primitive, stream, 4, list)
                   == dnnl_success
        && dnnl.stream_wait(stream) == dnnl_success;
    for (size_t i = 0; i < 4; i++)
        dnnl.memory_destroy(list[i].memory);
    dnnl.stream_destroy(stream);
    omp_set_num_threads(threads);
    return good;
}

enum { LARGE = 1 << 22 };  /* multiplications that are worth a call */

bool onednn_multiply(struct onednn_shape s, void *c, const void *a,
                     const void *b)
{
    static _Thread_local void *scratch;
    static _Thread_local size_t has;
    if (s.m * s.n * s.k < LARGE || !onednn_chosen(s.sixteen))
        return false;
    const struct onednn *p = onednn_prepare(s);
    size_t needs = onednn_scratch(p);
    if (p != NULL && needs > has) {
        free(scratch);
        scratch = aligned_alloc(64, (needs + 63) / 64 * 64);
        has = scratch == NULL ? 0 : needs;
    }
    return p != NULL && needs <= has && onednn_run(p, c, a, b, scratch);
}
#endif
