#include "array/rows.h"
#include "support/fill.h"
#include <stdio.h>
#include <string.h>

enum { TOKENS = 64, n = 4, C = 256, ROW = n * C, MOST = 64, WAYS = 4 };

/* streams: in floats, to the nearest, by chance, mean kept */
struct way {
    real x[TOKENS * ROW], next[TOKENS * ROW];
    struct eight by;
    struct array as;
    double derived;             /* mean square of the mean's error */
};
static struct way way[WAYS];
static real fresh[TOKENS * C], same[TOKENS * C];

static void pass(struct way *w, double r)
{
    const real own = 0.9f, all = 0.1f / n;
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t c = 0; c < C; c++) {
            const real *x = w->x + t * ROW + c;
            real sum = x[0] + x[C] + x[2 * C] + x[3 * C];
            real y = (real)r * (fresh[t * C + c] + same[t * C + c]);
            for (size_t i = 0; i < n; i++)
                w->next[t * ROW + i * C + c] =
                    own * x[i * C] + all * sum + y;
        }
    memcpy(w->x, w->next, sizeof w->x);
}

static double mean_of(const real *x, size_t t, size_t c)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)x[t * ROW + i * C + c];
    return sum / n;
}

static double mean_square(const real *x, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)x[i] * (double)x[i];
    return sum / (double)count;
}

static void follow(double r)
{
    for (int k = 0; k < WAYS; k++) {
        fill_normal(way[k].x, TOKENS * ROW, 1, 1);
        way[k].derived = 0;
        way[k].by = (struct eight){ .by_chance = k == 2, .seed = 9 };
        way[k].as = (struct array){ .rows = TOKENS, .columns = ROW,
            .role = STREAM, .format = E4M3, .eight = &way[k].by,
            .streams = k == 3 ? n : 0 };
    }
    fill_normal(same, TOKENS * C, 2, 1);
    for (unsigned l = 1; l <= MOST; l++) {
        fill_normal(fresh, TOKENS * C, 100 + l, 1);
        for (int k = 0; k < WAYS; k++) {
            struct way *w = &way[k];
            pass(w, r);
            w->as.place = 2 * l;
            if (k > 0)
                rows_settle(w->x, w->as, 0, TOKENS);
            w->derived += mean_square(w->x, TOKENS * ROW)
                * (k == 2 ? 2 : 1) * 0.0265 * 0.0265 / n;
        }
        if (l != 1 && l != 4 && l != 16 && l != MOST)
            continue;
        double off[WAYS] = { 0 }, size = 0;
        for (size_t t = 0; t < TOKENS; t++)
            for (size_t c = 0; c < C; c++) {
                double right = mean_of(way[0].x, t, c);
                size += right * right;
                for (int k = 1; k < WAYS; k++) {
                    double far = mean_of(way[k].x, t, c) - right;
                    off[k] += far * far;
                }
            }
        double numbers = TOKENS * C;
        printf("%g,%u,%.2f,%.2f,%.2f,%.2f,%.2f\n", r, l,
               100 * sqrt(off[1] / size),
               100 * sqrt(way[1].derived * numbers / size),
               100 * sqrt(off[2] / size),
               100 * sqrt(way[2].derived * numbers / size),
               100 * sqrt(off[3] / size));
    }
}

int main(void)
{
    puts("size,sites,nearest,nearest_derived,chance,chance_derived,"
         "mean_kept");
    follow(0.3);
    follow(0.03);
    follow(0.003);
    return 0;
}
