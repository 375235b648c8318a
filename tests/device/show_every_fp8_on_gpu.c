#include "device/eight_kernels.h"
#include "ground/fp8.h"
#include <stdio.h>
#include <stdlib.h>

enum { AT_ONCE = 1 << 22 };

/* show_every_fp8_on_gpu [STEP]: every STEP-th part of 2^22 floats */
int main(int argc, char **argv)
{
    uint64_t step = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
    unsigned long long wrong = 0, looked = 0;
    struct message m = { 0, "" };
    struct device d;
    static float room[AT_ONCE / 2];
    struct array pairs = { .rows = 1, .columns = AT_ONCE / 2,
                           .role = EXACT, .format = F32 };
    if (!device_open(&d, "gpu", "single", &m)
        || !(pairs.at = device_allocate(&d, sizeof room, &m))) {
        fprintf(stderr, "%s\n", m.text);
        return 1;
    }
    for (uint64_t first = 0; first >> 32 == 0;
         first += step * AT_ONCE) {
        eight_codes(&d, pairs.at, (uint32_t)first, AT_ONCE);
        device_download(&d, room, pairs);
        const uint16_t *pair = (const uint16_t *)(const void *)room;
        #pragma omp parallel for reduction(+ : wrong)
        for (uint32_t i = 0; i < AT_ONCE; i++) {
            float x = float_of((uint32_t)first + i);
            unsigned want = fp8_round(x, FP8_E4M3)
                          | (unsigned)fp8_round(-x, FP8_E4M3) << 8;
            wrong += pair[i] != want;
        }
        looked += AT_ONCE;
    }
    bool good = device_finish(&d, &m);
    fprintf(stderr, "%s", m.text);
    printf("E4M3 on the gpu, %llu floats: %llu pairs wrong\n", looked,
           wrong);
    device_close(&d);
    return wrong > 0 || !good;
}
