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

// Formats whose blocks have a scale
/* numbers of a format: bits of fraction, the least exponent that is not
   subnormal, the largest */
struct element { int fraction, least; double largest; };
static const struct element E4M3 = { 3, -6, 448 };

static double nearest_of(double of, struct element k)
{
    int e = of == 0 ? k.least : ilogb(of);
    double step = ldexp(1, (e < k.least ? k.least : e) - k.fraction);
    double y = rint(of / step) * step;
    return fabs(y) > k.largest ? copysign(k.largest, y) : y;
}

/* of OCP, ours, of NVFP4 with all's largest number */
enum rule { DOWN, UP, E4M3_OF_ALL };

static double scale_of(double amax, struct element k, enum rule rule,
                       double all)
{
    int e = ilogb(amax) - ilogb(k.largest);
    double most = E4M3.largest * k.largest;
    if (rule == E4M3_OF_ALL)
        return nearest_of(amax / k.largest * most / all, E4M3) * all
             / most;
    return ldexp(1, e + (rule == UP && amax > ldexp(k.largest, e)));
}

/* error of x, and blocks whose largest number is above the format's */
static void by_rule(double *error, double *cut, size_t block,
                    struct element k, enum rule rule, double all)
{
    double off = 0, squares = 0, saturated = 0;
    for (size_t i = 0; i < COUNT; i += block) {
        double amax = 0;
        for (size_t j = i; j < i + block; j++)
            amax = fmax(amax, fabs((double)x[j]));
        double s = scale_of(amax, k, rule, all);
        for (size_t j = i; j < i + block; j++) {
            double was = (double)x[j];
            double error_of = s * nearest_of(was / s, k) - was;
            off += error_of * error_of, squares += was * was;
        }
        saturated += amax / s > k.largest;
    }
    *error = 100 * sqrt(off / squares);
    *cut = 100 * saturated * (double)block / COUNT;
}

static void by_formats(void)
{
    static const struct {
        const char *name; int bits; size_t block; struct element k;
    } format[] = { { "E4M3", 8, 128, { 3, -6, 448 } },
        { "MXFP8 E4M3", 8, 32, { 3, -6, 448 } },
        { "MXFP8 E5M2", 8, 32, { 2, -14, 57344 } },
        { "MXFP6 E2M3", 6, 32, { 3, 0, 7.5 } },
        { "MXFP6 E3M2", 6, 32, { 2, -2, 28 } },
        { "MXFP4", 4, 32, { 1, 0, 6 } },
        { "NVFP4", 4, 16, { 1, 0, 6 } } };
    double all = 0;
    fill_normal(x, COUNT, 3, 1);
    for (size_t i = 0; i < COUNT; i++) {
        x[i] *= (real)exp2(random_uniform(4, 1, i / 128));
        all = fmax(all, fabs((double)x[i]));
    }
    puts("format,block,bits,error_up,error,saturated,derived");
    for (size_t i = 0; i < sizeof format / sizeof *format; i++) {
        struct element k = format[i].k;
        bool nv = format[i].block == 16;
        double up = 0, cut, error, f = k.largest;
        f = ldexp(f, -ilogb(f));
        by_rule(&error, &cut, format[i].block, k,
                nv ? E4M3_OF_ALL : DOWN, all);
        printf("%s,%zu,%g,", format[i].name, format[i].block,
               format[i].bits + 8. / (double)format[i].block);
        if (!nv) {
            double none;
            by_rule(&up, &none, format[i].block, k, UP, all);
            printf("%.2f", up);
        }
        printf(",%.2f,%.1f,", error, cut);
        if (!nv)
            printf("%.1f", 100 * log2(2 / f));
        puts("");
    }
}

/* measure_eight blocks|formats|products|sums */
int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";
    if (strcmp(what, "blocks") == 0)
        by_blocks();
    else if (strcmp(what, "formats") == 0)
        by_formats();
    else if (strcmp(what, "sums") == 0)
        by_sums();
    else {
        puts("terms,measured,derived,of_bound");
        for (size_t K = 16; K <= 4096; K *= 4)
            products(K);
    }
    return 0;
}
