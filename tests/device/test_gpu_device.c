#include "device/kernels.h"
#include "support/pair.h"
#include "support/suite.h"
// Functions that only a program with a GPU has
#pragma weak kernels_reduce

// Tests of the gpu's memory
/* fails if memory is not zeroed, or a copy goes past its rows */
START_TEST(gpu_memory_begins_with_zeros_and_keeps_numbers)
{
    struct message m = { 0, "" };
    real back[3] = { 0 };
    pair_open();
    struct pair x = pair_normal(EXACT, 5, 1, 1, 1);
    struct array y = device_shape(&gpu, EXACT, 5, 1);
    y.at = device_allocate(&gpu, array_bytes(y), &m);
    ck_assert(y.at != NULL && (uintptr_t)y.at % 256 == 0);
    device_copy(&gpu, array_rows(y, 1, 3), array_rows(x.gpu, 2, 3));
    device_zero(&gpu, array_rows(y, 2, 1));
    device_download(&gpu, back, array_rows(y, 1, 3));
    ck_assert(back[0] == reals(x.cpu)[2] && back[1] == 0
              && back[2] == reals(x.cpu)[4]);
    device_download(&gpu, back, array_rows(y, 0, 1));
    ck_assert(back[0] == 0);
    pair_same("x", x);
    ck_assert(device_finish(&gpu, &m));
}
END_TEST

// Tests of kernels
/* fails if a lane or a warp is left out or counted twice, if a warp
   that is ahead writes its part over one that is still read, or if
   the largest is looked for from zero on */
START_TEST(gpu_sums_and_maxima_reach_all_threads)
{
    static const int sizes[] = { 32, 128, 256, 1024 };
    int threads = sizes[_i];
    size_t n = (size_t)threads;
    pair_open();
    struct pair x = pair_integers(EXACT, 2, n, 11, 1000);
    struct pair got = pair_unset(EXACT, 4, n);
    real *values = reals(x.cpu), *want = reals(got.cpu);
    for (size_t i = 0; i < 2 * n; i++)
        values[i] -= 2000;
    pair_upload(x);
    for (size_t row = 0; row < 2; row++) {
        double sum = 0, most = -3000;
        for (size_t i = 0; i < n; i++) {
            sum += (double)values[row * n + i];
            most = fmax(most, (double)values[row * n + i]);
        }
        for (size_t i = 0; i < n; i++) {
            want[row * n + i] = (real)sum;
            want[(2 + row) * n + i] = (real)most;
        }
    }
    kernels_reduce(&gpu, (float *)got.gpu.at, (float *)x.gpu.at,
                   threads);
    pair_same("sums and maxima", got);
}
END_TEST

Suite *gpu_device_suite(void);
Suite *gpu_device_suite(void)
{
    Suite *s = suite_create("gpu_device");
    TCase *c = tcase_create("gpu_memory");
    suite_add_tcase(s, c);
    tcase_add_test(c, gpu_memory_begins_with_zeros_and_keeps_numbers);
    c = tcase_create("gpu_kernels");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_sums_and_maxima_reach_all_threads, 0, 4);
    return s;
}
