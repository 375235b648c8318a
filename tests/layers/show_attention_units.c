#include "ground/bf16.h"
#include "layers/attention16.h"
#include "layers/attention_versions.h"
#include "support/fill.h"
#include <stdio.h>
#include <stdlib.h>
#pragma weak tensor_attend
#pragma weak tensor_attend_backward

enum { T = 256, D = 64 };
static const struct attention_shape shape = { .sequences = 1,
    .length = T, .heads = 1, .head_size = D };

/* normal numbers, in the gpu's memory */
static struct array normal(struct device *d, size_t columns,
                           enum format f)
{
    struct message why = { 0, "" };
    real *x = test_reals(T * columns);
    struct array a = { .at = NULL, .rows = T, .columns = columns,
        .role = EXACT, .format = F32 };
    a.at = device_allocate(d, array_bytes(a), &why);
    fill_normal(x, T * columns, columns, 1);
    if (f == BF16)
        bf16_store((bf16 *)(void *)x, x, T * columns);
    device_upload(d, a, x);
    a.format = f;
    return a;
}

static void run(struct device *d, enum format f)
{
    struct array qkv = normal(d, 3 * D, f), out = normal(d, D, f);
    struct array dqkv = normal(d, 3 * D, f), dout = normal(d, D, f);
    struct array lse = normal(d, 1, F32), along = normal(d, 1, F32);
    struct array turns = normal(d, D, F32);
    turns.rows = 2;
    turns.columns = T * D / 2;
    if (f == F32) {
        d->does->attend(d, out, lse, qkv, turns, &shape);
        d->does->attend_backward(d, dqkv, dout, out, lse, qkv, turns,
                                 &shape);
        return;
    }
    attention_version2(d, out, lse, qkv, &shape);
    tensor_attend(d, out, lse, qkv, &shape);
    tensor_attend_backward(d, dqkv, dout, (const float *)along.at, lse,
                           qkv, turns, &shape);
}

/* In a checked build, with EMULATOR_COUNT=FILE: the file has what each
   kernel moved. Prints a unit, T rows of D numbers of two bytes. */
int main(void)
{
    struct device d;
    struct message why = { 0, "" };
    if (!device_open(&d, "gpu", NULL, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    if (!device_reserve(&d, 1 << 20))
        return 1;
    run(&d, F32);
    run(&d, BF16);
    device_finish(&d, &why);
    printf("%d\n", T * D * 2);
    device_close(&d);
    return 0;
}
