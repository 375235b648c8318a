#include "mix/sinkhorn.h"
#include "ground/reduction.h"
#include <assert.h>

// A tile of matrices
enum { MOST = 8, STEPS = 20, BLOCKS = 5 };

typedef real tile[MOST][MOST][LANES];
#define EACH_LANE(l) \
    _Pragma("omp simd") for (size_t l = 0; l < LANES; l++)

/* after iteration t, an entry is row[t][i] kernel[i][j] column[t][j] */
struct block {
    tile kernel;
    real row[STEPS + 1][MOST][LANES], column[STEPS + 1][MOST][LANES];
    size_t steps;
};

// Move matrices into lanes and back
static void load(tile x, const real *matrix, size_t lanes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            for (size_t l = 0; l < LANES; l++) {
                size_t k = l < lanes ? l : 0;
                x[i][j][l] = matrix[(k * n + i) * n + j];
            }
}

static void store(real *matrix, tile x, size_t lanes, size_t n)
{
    for (size_t l = 0; l < lanes; l++)
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                *matrix++ = x[i][j][l];
}

// Begin with the largest entries at one
static void begin(struct block *b, tile x, size_t n)
{
    // Subtract from each column its largest logit
    for (size_t j = 0; j < n; j++) {
        real most[LANES];
        memcpy(most, x[0][j], sizeof most);
        for (size_t i = 1; i < n; i++)
            EACH_LANE(l)
                most[l] = x[i][j][l] > most[l] ? x[i][j][l] : most[l];
        for (size_t i = 0; i < n; i++)
            EACH_LANE(l) {
                real below = x[i][j][l] - most[l];
                x[i][j][l] = below < -FLT_MAX ? -FLT_MAX : below;
            }
    }
    // Subtract from each row the largest that is left
    for (size_t i = 0; i < n; i++) {
        real most[LANES];
        memcpy(most, x[i][0], sizeof most);
        for (size_t j = 1; j < n; j++)
            EACH_LANE(l)
                most[l] = x[i][j][l] > most[l] ? x[i][j][l] : most[l];
        for (size_t j = 0; j < n; j++)
            EACH_LANE(l) {
                x[i][j][l] -= most[l];
                b->kernel[i][j][l] = exponential(x[i][j][l]);
            }
        EACH_LANE(l)
            b->row[0][i][l] = exponential(most[l]);
    }
}

// Normalise columns, then rows, as often as a block says
static inline void run(struct block *b, size_t n)
{
    for (size_t t = 1; t <= b->steps; t++) {
        // Let the columns sum to one
        for (size_t j = 0; j < n; j++) {
            real sum[LANES] = { 0 };
            for (size_t i = 0; i < n; i++)
                EACH_LANE(l)
                    sum[l] += b->row[t - 1][i][l] * b->kernel[i][j][l];
            EACH_LANE(l)
                b->column[t][j][l] = 1 / sum[l];
        }
        // Let the rows sum to one
        for (size_t i = 0; i < n; i++) {
            real sum[LANES] = { 0 };
            for (size_t j = 0; j < n; j++)
                EACH_LANE(l)
                    sum[l] += b->kernel[i][j][l] * b->column[t][j][l];
            EACH_LANE(l)
                b->row[t][i][l] = 1 / sum[l];
        }
    }
}

// Begin again from the last iterate
static void begin_again(struct block *next, const struct block *b,
                        tile x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            EACH_LANE(l) {
                x[i][j][l] += (real)(
                    log((double)b->row[b->steps][i][l]) +
                    log((double)b->column[b->steps][j][l]));
                next->kernel[i][j][l] = exponential(x[i][j][l]);
            }
    for (size_t i = 0; i < n; i++)
        EACH_LANE(l)
            next->row[0][i][l] = 1;
}

// Iterate
/* into blocks 0, 1, .. if `keep`, else all into block 0; returns the
   number of the last one */
static size_t iterate(struct block *blocks, bool keep, tile x, size_t n,
                      size_t iterations)
{
    assert(n <= MOST && iterations > 0 && iterations <= STEPS * BLOCKS);
    begin(blocks, x, n);
    for (size_t k = 0; ; k += keep) {
        struct block *b = &blocks[k];
        b->steps = iterations < STEPS ? iterations : STEPS;
        if (n == 4)
            run(b, 4);
        else
            run(b, n);
        iterations -= b->steps;
        if (iterations == 0)
            return k;
        begin_again(b + keep, b, x, n);
    }
}

// Let x be the last iterate of block b
static void last_iterate(tile x, const struct block *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            EACH_LANE(l)
                x[i][j][l] = b->row[b->steps][i][l] *
                    (b->kernel[i][j][l] * b->column[b->steps][j][l]);
}

// Sinkhorn forward
void sinkhorn_forward(real *matrix, const real *logits, size_t count,
                      size_t n, size_t iterations)
{
    struct block b;
    tile x;
    for (size_t t = 0; t < count; t += LANES) {
        size_t lanes = count - t < LANES ? count - t : LANES;
        load(x, logits + t * n * n, lanes, n);
        iterate(&b, false, x, n, iterations);
        last_iterate(x, &b, n);
        store(matrix + t * n * n, x, lanes, n);
    }
}

// Sinkhorn backward
static inline void walk_back(tile g, const struct block *b, size_t n)
{
    for (size_t t = b->steps; t > 0; t--) {
        // Through the rows of iteration t
        for (size_t i = 0; i < n; i++) {
            real sum[LANES] = { 0 };
            for (size_t j = 0; j < n; j++)
                EACH_LANE(l)
                    sum[l] += g[i][j][l];
            for (size_t j = 0; j < n; j++)
                EACH_LANE(l)
                    g[i][j][l] -= sum[l] * (b->row[t][i][l] *
                        (b->kernel[i][j][l] * b->column[t][j][l]));
        }
        // Through the columns of iteration t
        for (size_t j = 0; j < n; j++) {
            real sum[LANES] = { 0 };
            for (size_t i = 0; i < n; i++)
                EACH_LANE(l)
                    sum[l] += g[i][j][l];
            for (size_t i = 0; i < n; i++)
                EACH_LANE(l)
                    g[i][j][l] -= sum[l] * (b->row[t - 1][i][l] *
                        b->kernel[i][j][l] * b->column[t][j][l]);
        }
    }
}

void sinkhorn_backward(real *dlogits, const real *dmatrix,
                       const real *logits, size_t count, size_t n,
                       size_t iterations)
{
    struct block blocks[BLOCKS];
    tile x, g, dy;
    for (size_t t = 0; t < count; t += LANES) {
        size_t lanes = count - t < LANES ? count - t : LANES;
        load(x, logits + t * n * n, lanes, n);
        load(dy, dmatrix + t * n * n, lanes, n);
        size_t k = iterate(blocks, true, x, n, iterations);
        last_iterate(g, &blocks[k], n);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                EACH_LANE(l)
                    g[i][j][l] *= dy[i][j][l];
        for (k++; k > 0; k--)
            if (n == 4)
                walk_back(g, &blocks[k - 1], 4);
            else
                walk_back(g, &blocks[k - 1], n);
        store(dlogits + t * n * n, g, lanes, n);
    }
}
