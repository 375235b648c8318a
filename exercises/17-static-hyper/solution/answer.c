#include "boundary/mixing.h"
#include "ground/reduction.h"

// Multiply and add a row
static inline void add_row(real *out, real by, const real *x,
                           size_t width)
{
    for (size_t c = 0; c < width; c++)
        out[c] += by * x[c];
}

static inline void set_row(real *out, real by, const real *x,
                           size_t width)
{
    for (size_t c = 0; c < width; c++)
        out[c] = by * x[c];
}

static inline real product(struct operands o, size_t c)
{
    return o.a[c] * o.b[c];
}

static inline real dot(const real *a, const real *b, size_t width)
{
    return sum_in_lanes(product, (struct operands){ .a = a, .b = b },
                        width);
}

// Read with plain loops
void mixing_read(real *input, const real *stream,
                 const real *coefficients, const struct layout *l,
                 size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *x = stream + t * n * C;
        const real *pre = coefficients + t * K;
        set_row(input + t * C, pre[0], x, C);
        for (size_t i = 1; i < n; i++)
            add_row(input + t * C, pre[i], x + i * C, C);
    }
}

void mixing_read_backward(real *dstream, real *dcoefficients,
                          const real *dinput, const real *stream,
                          const real *coefficients,
                          const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *pre = coefficients + t * K, *d = dinput + t * C;
        real *dpre = dcoefficients + t * K;
        for (size_t i = 0; i < n; i++) {
            dpre[i] = dot(d, stream + (t * n + i) * C, C);
            add_row(dstream + (t * n + i) * C, pre[i], d, C);
        }
    }
}

// Write with plain loops
void mixing_write(real *next, const real *stream, const real *answer,
                  const real *coefficients, const struct layout *l,
                  size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *x = stream + t * n * C;
        const real *post = coefficients + t * K + n, *res = post + n;
        for (size_t i = 0; i < n; i++) {
            real *out = next + (t * n + i) * C;
            set_row(out, res[i * n], x, C);
            for (size_t j = 1; j < n; j++)
                add_row(out, res[i * n + j], x + j * C, C);
            add_row(out, post[i], answer + t * C, C);
        }
    }
}

void mixing_write_backward(real *dstream, real *danswer,
                           real *dcoefficients, const real *dnext,
                           const real *stream, const real *answer,
                           const real *coefficients,
                           const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width, K = layout_row(l);
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < tokens; t++) {
        const real *x = stream + t * n * C, *y = answer + t * C;
        const real *d = dnext + t * n * C;
        const real *post = coefficients + t * K + n, *res = post + n;
        real *dpost = dcoefficients + t * K + n, *dres = dpost + n;
        // Go back through a write with plain loops
        for (size_t i = 0; i < n; i++) {
            dpost[i] = dot(d + i * C, y, C);
            for (size_t j = 0; j < n; j++)
                dres[i * n + j] = dot(d + i * C, x + j * C, C);
        }
        set_row(danswer + t * C, post[0], d, C);
        for (size_t i = 1; i < n; i++)
            add_row(danswer + t * C, post[i], d + i * C, C);
        for (size_t j = 0; j < n; j++) {
            real *dx = dstream + (t * n + j) * C;
            set_row(dx, res[j], d, C);
            for (size_t i = 1; i < n; i++)
                add_row(dx, res[i * n + j], d + i * C, C);
        }
    }
}
