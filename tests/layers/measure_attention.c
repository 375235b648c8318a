#include "layers/attention.h"
#include "layers/matmul.h"
#include "support/fill.h"
#include <omp.h>
#include <stdio.h>
#include <time.h>

enum { POSITIONS = 2048, HEADS = 6, SIZE = 64, WIDTH = HEADS * SIZE,
       TURNS = 16 };

static real *qkv, *out, *lse, *dout, *dqkv, *scratch;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The products of attention, and nothing else
static void only_products(const struct attention_shape *s,
                          bool backward)
{
    size_t step = 3 * WIDTH, share = 2 * s->tile * s->length;
    #pragma omp parallel for schedule(static)
    for (size_t task = 0; task < s->sequences * HEADS; task++) {
        size_t before = task / HEADS * s->length;
        size_t head = task % HEADS * SIZE;
        const real *q = qkv + before * step + head;
        const real *k = q + WIDTH, *v = k + WIDTH;
        real *dq = dqkv + before * step + head;
        real *p = scratch + (size_t)omp_get_thread_num() * share;
        for (size_t row = 0; row < s->length; row += s->tile) {
            size_t keys = row + s->tile;
            const real *dy = dout + (before + row) * WIDTH + head;
            real *y = out + (before + row) * WIDTH + head;
            if (backward)
                // Multiply as the backward pass does
                {
                    real *ds = p + share / 2;
                    matmul_serial(false, true, s->tile, keys, SIZE, 1, q + row * step,
                                  step, k, step, 0, p, keys);
                    matmul_serial(false, true, s->tile, keys, SIZE, 1, dy, WIDTH,
                                  v, step, 0, ds, keys);
                    matmul_serial(true, false, keys, SIZE, s->tile, 1, p, keys,
                                  dy, WIDTH, 1, dq + 2 * WIDTH, step);
                    matmul_serial(false, false, s->tile, SIZE, keys, 1, ds, keys,
                                  k, step, 0, dq + row * step, step);
                    matmul_serial(true, false, keys, SIZE, s->tile, 1, ds, keys,
                                  q + row * step, step, 1, dq + WIDTH, step);
                }
            else
                // Multiply as the forward pass does
                {
                    matmul_serial(false, true, s->tile, keys, SIZE, 1, q + row * step,
                                  step, k, step, 0, p, keys);
                    matmul_serial(false, false, s->tile, SIZE, keys, 1, p, keys,
                                  v, step, 0, y, WIDTH);
                }
        }
    }
}

// The shortest times for one shape
enum { FORWARD, BACKWARD, FORWARD_PRODUCTS, BACKWARD_PRODUCTS, KINDS };

static double time_of(int kind, const struct attention_shape *s)
{
    double start = now();
    if (kind == FORWARD)
        attention_forward(out, lse, qkv, s, scratch);
    else if (kind == BACKWARD)
        attention_backward(dqkv, dout, out, lse, qkv, s, scratch);
    else
        only_products(s, kind == BACKWARD_PRODUCTS);
    return now() - start;
}

enum { TILES = 5, CHOSEN = 2 };
static const size_t tiles[TILES] = { 16, 32, 64, 128, 256 };

static void measure_tiles(double best[TILES][KINDS],
                          struct attention_shape *s)
{
    for (int turn = 0; turn < TURNS; turn++)
        for (int i = 0; i < TILES; i++)
            for (int kind = 0; kind < KINDS; kind++) {
                s->tile = tiles[i] < s->length ? tiles[i] : s->length;
                double t = time_of(kind, s);
                if (turn == 0 || t < best[i][kind])
                    best[i][kind] = t;
            }
}

// Measure all lengths and tiles
int main(void)
{
    size_t count = (size_t)POSITIONS * WIDTH;
    // Allocate and fill the arrays
    struct attention_shape largest = { .sequences = 1, .length = 1024,
        .heads = HEADS, .head_size = SIZE, .tile = 256 };
    qkv = test_reals(3 * count);
    dqkv = test_reals(3 * count);
    out = test_reals(count);
    dout = test_reals(count);
    lse = test_reals((size_t)POSITIONS * HEADS);
    scratch = test_reals(attention_scratch(&largest));
    fill_normal(qkv, 3 * count, 1, 1);
    fill_normal(dout, count, 2, 1);
    printf("length,forward,backward,both,tile16,tile32,tile64,tile128,"
           "tile256,scratch,matrix\n");
    for (size_t length = 64; length <= 1024; length *= 2) {
        struct attention_shape s = { .sequences = POSITIONS / length,
            .length = length, .heads = HEADS, .head_size = SIZE };
        double t[TILES][KINDS];
        measure_tiles(t, &s);
        // Print the times as ratios, and the bytes
        const double *own = t[CHOSEN];
        double both = own[FORWARD] + own[BACKWARD];
        printf("%zu,%.3f,%.3f,%.3f", length,
               own[FORWARD] / own[FORWARD_PRODUCTS],
               own[BACKWARD] / own[BACKWARD_PRODUCTS],
               both / (own[FORWARD_PRODUCTS] + own[BACKWARD_PRODUCTS]));
        for (size_t i = 0; i < TILES; i++)
            printf(",%.3f", (t[i][FORWARD] + t[i][BACKWARD]) / both);
        s.tile = 0;
        printf(",%zu,%zu\n",
               attention_scratch(&s) / (size_t)omp_get_max_threads()
               * sizeof(real),
               s.sequences * HEADS * length * length * sizeof(real));
    }
}
