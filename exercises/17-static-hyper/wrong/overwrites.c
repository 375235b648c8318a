/* expect: was overwritten; it is to be added to */
#define READ_KEEPS 0
// Reading and writing, with room for mistakes
#include "boundary/mixing.h"

#ifndef RES
#define RES(i, j) ((i) * n + (j))
#endif
#ifndef MIXED
#define MIXED 1
#endif
#ifndef TOKEN
#define TOKEN t
#endif
#ifndef READ_KEEPS
#define READ_KEEPS 1
#endif
#ifndef STARTS
#define STARTS(x) (x) = 0
#endif
#ifndef PRE_STARTS
#define PRE_STARTS (c == 0)
#endif
#ifndef K
#define K(l) layout_row(l)
#endif
#ifndef PRE
#define PRE 0
#define POST n
#endif
#ifndef INTO
#define INTO +=
#endif
#ifndef CLEARED
#define CLEARED n
#endif

// Read, with room for mistakes
void mixing_read(real *input, const real *stream,
                 const real *coefficients, const struct layout *l,
                 size_t tokens)
{
    size_t n = l->streams, C = l->width;
    for (size_t i = 0; i < tokens * C; i++)
        input[i] = 0;
    for (size_t i = 0; i < tokens * n * C; i++) {
        size_t t = i / C / n, j = i / C % n;
        const real *pre = coefficients + TOKEN * K(l) + PRE;
        input[t * C + i % C] INTO stream[i] * pre[j];
    }
}

void mixing_read_backward(real *dstream, real *dcoefficients,
                          const real *dinput, const real *stream,
                          const real *coefficients,
                          const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width;
    for (size_t i = 0; i < tokens * n * C; i++) {
        size_t t = i / C / n, j = i / C % n, c = i % C;
        const real *pre = coefficients + TOKEN * K(l) + PRE;
        real *dpre = dcoefficients + t * K(l) + PRE;
        if (!READ_KEEPS)
            dstream[i] = 0;
        dstream[i] += dinput[t * C + c] * pre[j];
        if (PRE_STARTS)
            dpre[j] = 0;
        dpre[j] INTO dinput[t * C + c] * stream[i];
    }
}

// Write, with room for mistakes
void mixing_write(real *next, const real *stream, const real *answer,
                  const real *coefficients, const struct layout *l,
                  size_t tokens)
{
    size_t n = l->streams, C = l->width;
    for (size_t k = 0; k < tokens * n * C; k++) {
        size_t t = k / C / n, i = k / C % n, c = k % C;
        const real *row = coefficients + TOKEN * K(l);
        real sum = 0;
        for (size_t j = 0; j < n; j++)
            sum INTO MIXED * row[2 * n + RES(i, j)]
                * stream[(t * n + j) * C + c];
        next[k] = sum + row[POST + i] * answer[t * C + c];
    }
}

void mixing_write_backward(real *dstream, real *danswer,
                           real *dcoefficients, const real *dnext,
                           const real *stream, const real *answer,
                           const real *coefficients,
                           const struct layout *l, size_t tokens)
{
    size_t n = l->streams, C = l->width;
    for (size_t i = 0; i < tokens * n * C; i++)
        STARTS(dstream[i]), STARTS(danswer[i / n]);
    for (size_t t = 0; t < tokens; t++)
        for (size_t k = CLEARED; k < 2 * n + n * n; k++)
            STARTS(dcoefficients[t * K(l) + k]);
    for (size_t k = 0; k < tokens * n * C; k++) {
        size_t t = k / C / n, i = k / C % n, c = k % C;
        const real *row = coefficients + TOKEN * K(l);
        real *drow = dcoefficients + t * K(l);
        danswer[t * C + c] INTO row[POST + i] * dnext[k];
        drow[POST + i] INTO answer[t * C + c] * dnext[k];
        for (size_t j = 0; j < n; j++) {
            size_t x = (t * n + j) * C + c, r = 2 * n + RES(i, j);
            dstream[x] INTO MIXED * row[r] * dnext[k];
            drow[r] INTO MIXED * stream[x] * dnext[k];
        }
    }
}
