#include "ground/blocks.h"
#include "ground/random.h"
#include "support/fill.h"
#include "support/tensor_core.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS = 256, CHANNELS = 1024, COUNT = TOKENS * CHANNELS };
static real x[COUNT], y[COUNT];
static fp8 q[COUNT];
static int8_t scale[COUNT];

static bool outlier(size_t channel)
{
    return channel % 256 == 77;
}

/* error of what is no outlier, and how many of it vanish */
static void quantise(double *off, double *zeros, struct fp8_blocks b,
                     struct fp8_format k)
{
    double sum = 0, count = 0, vanished = 0;
    fp8_store(q, scale, x, TOKENS, CHANNELS, b, k, NULL);
    fp8_load(y, q, scale, TOKENS, CHANNELS, b, k);
    for (size_t i = 0; i < COUNT; i++)
        if (!outlier(i % CHANNELS)) {
            double was = (double)x[i], error = (double)y[i] - was;
            sum += error * error / (was * was);
            vanished += y[i] == 0;
            count++;
        }
    *off = 100 * sqrt(sum / count);
    *zeros = 1e6 * vanished / count;
}

static void by_blocks(void)
{
    static const struct { const char *name; struct fp8_blocks b; }
    block[] = { { "the tensor", { 0, 0 } }, { "a token", { 1, 0 } },
        { "128 channels", { 1, 128 } }, { "128 x 128", { 128, 128 } },
        { "32 channels", { 1, 32 } } };
    fill_normal(x, COUNT, 3, 1);
    for (size_t i = 0; i < COUNT; i++)
        if (outlier(i % CHANNELS))
            x[i] *= 100;
    puts("block,e4m3,e5m2,e4m3_zeros,e5m2_zeros");
    for (size_t i = 0; i < sizeof block / sizeof *block; i++) {
        double off[2], zeros[2];
        quantise(&off[0], &zeros[0], block[i].b, FP8_E4M3);
        quantise(&off[1], &zeros[1], block[i].b, FP8_E5M2);
        printf("%s,%.2f,%.2f,%.0f,%.0f\n", block[i].name, off[0],
               off[1], zeros[0], zeros[1]);
    }
}

static void products(size_t K)
{
    const struct fp8_blocks b = { 1, 128 };
    const double rho = sqrt(3 / (8 * log(2)) / 12 / 64), u = 1 / 16.;
    size_t pairs = 4000000 / K;
    double off = 0, derived = 0, squares = 0, most = 0;
    for (size_t p = 0; p < pairs; p++) {
        double error = 0, right = 0, bound = 0;
        fill_normal(x, 2 * K, p, 1);
        fp8_store(q, scale, x, 2, K, b, FP8_E4M3, NULL);
        fp8_load(y, q, scale, 2, K, b, FP8_E4M3);
        for (size_t i = 0; i < K; i++) {
            double ab = (double)x[i] * (double)x[K + i];
            right += ab;
            error += (double)y[i] * (double)y[K + i] - ab;
            bound += (2 * u + u * u) * fabs(ab);
            derived += 2 * rho * rho * ab * ab;
        }
        off += error * error, squares += right * right;
        most = fmax(most, fabs(error) / bound);
    }
    printf("%zu,%.2f,%.2f,%.3f\n", K, 100 * sqrt(off / squares),
           100 * sqrt(derived / squares), most);
}

/* error of sums of K products, by the model, in percent of the sums;
   begun anew every so many terms */
static double sum_error(size_t K, size_t every, bool one_sign)
{
    size_t sums = 2000000 / K;
    double off = 0, squares = 0;
    for (size_t p = 0; p < sums; p++) {
        float total = 0, part = 0, ab[AT_ONCE];
        double right = 0;
        fill_normal(x, 2 * K, p, 1);
        for (size_t i = 0; i < K; i += AT_ONCE) {
            for (size_t j = 0; j < AT_ONCE; j++) {
                float a = fp8_widen(fp8_round((float)x[i + j],
                                              FP8_E4M3), FP8_E4M3);
                float b = fp8_widen(fp8_round((float)x[K + i + j],
                                              FP8_E4M3), FP8_E4M3);
                ab[j] = one_sign ? fabsf(a * b) : a * b;
                right += (double)ab[j];
            }
            part = add_cut(part, ab, AT_ONCE);
            if ((i + AT_ONCE) % every == 0)
                total += part, part = 0;
        }
        double error = (double)(total + part) - right;
        off += error * error, squares += right * right;
    }
    return 100 * sqrt(off / squares);
}

static void by_sums(void)
{
    puts("terms,random,random_promoted,one_sign,one_sign_promoted");
    for (size_t K = 128; K <= 32768; K *= 4)
        printf("%zu,%.3f,%.3f,%.3f,%.3f\n", K,
               sum_error(K, SIZE_MAX, false), sum_error(K, 128, false),
               sum_error(K, SIZE_MAX, true), sum_error(K, 128, true));
}

/* measure_eight blocks|products|sums */
int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "blocks") == 0)
        by_blocks();
    else if (strcmp(what, "sums") == 0)
        by_sums();
    else {
        puts("terms,measured,derived,of_bound");
        for (size_t K = 16; K <= 4096; K *= 4)
            products(K);
    }
    return 0;
}
