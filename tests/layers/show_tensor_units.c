#include "device/device.h"
#include "layers/tensor.h"
#include "layers/tensor_versions.h"
#include <stdio.h>
#include <stdlib.h>

#pragma weak sixteen_gpu_product

enum { SIDE = 256 };

/* In a checked build, with EMULATOR_COUNT=FILE: the file has what each
   version of the product y = x w^T moved. Prints a unit, the bytes of x
   or w; y has two. */
int main(void)
{
    struct device d;
    struct message why = { 0, "" };
    if (!device_open(&d, "gpu", NULL, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return why.status;
    }
    struct array x = { .at = NULL, .rows = SIDE, .columns = SIDE,
        .role = ACTIVATION, .format = BF16 };
    struct array y = { .at = NULL, .rows = SIDE, .columns = SIDE,
        .role = EXACT, .format = F32 };
    x.at = device_allocate(&d, array_bytes(x), &why);
    y.at = device_allocate(&d, array_bytes(y), &why);
    struct array w = x;
    w.at = device_allocate(&d, array_bytes(w), &why);
    tensor_version1(&d, y, x, w);
    tensor_version2(&d, y, x, w);
    tensor_version3(&d, y, x, w);
    sixteen_gpu_product(&d, array_rows(y, 0, SIDE / 2), x, w);
    sixteen_gpu_product(&d, y, x, w);
    device_finish(&d, &why);
    printf("%zu\n", array_bytes(x));
    device_close(&d);
    return 0;
}
