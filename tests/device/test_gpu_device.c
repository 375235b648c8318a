#include "device/kernels.h"
#include "support/pair.h"
#include "support/suite.h"
#include <sysexits.h>
// Functions that only a program with a GPU has
#pragma weak kernels_add
#pragma weak kernels_add_by
#pragma weak kernels_reduce
#pragma weak kernels_upload

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

/* fails if an upload leaves while its source is still to be read */
START_TEST(gpu_uploads_have_read_their_source_when_they_return)
{
    pair_open();
    struct pair x = pair_normal(EXACT, 3, 100, 3, 1);
    struct pair y = pair_unset(EXACT, 3, 100);
    memcpy(y.cpu.at, x.cpu.at, array_bytes(x.cpu));
    kernels_upload(&gpu, y.gpu, (const float *)x.cpu.at);
    pair_same("y", y);
}
END_TEST

/* fails if the failure is left for the next launch to report */
START_TEST(gpu_memory_that_is_not_there_is_no_trouble)
{
    struct message m = { 0, "" };
    pair_open();
    struct pair x = pair_normal(EXACT, 1, 10, 2, 1);
    ck_assert(device_allocate(&gpu, (size_t)1 << 50, &m) == NULL);
    ck_assert_msg(m.status == EX_OSERR, "%s", m.text);
    m.status = 0;
    ck_assert(!gpu.does->ready(&gpu, (size_t)1 << 50, &m)
              && m.status == EX_OSERR);
    kernels_add(&gpu, (float *)x.gpu.at, (float *)x.gpu.at,
                (float *)x.gpu.at, 10);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
}
END_TEST

/* fails if the 257th clock is lost, or one is read twice */
START_TEST(gpu_clocks_tell_every_operation)
{
    struct message m = { 0, "" };
    struct clocks clocks = { { 0 }, { 0 } };
    pair_open();
    gpu.clocks = &clocks;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 300; i++) {
            enum operation o = i % 3 == 0 ? EMBED : GATE;
            gpu.does->mark(&gpu, o, true);
            gpu.does->mark(&gpu, o, false);
        }
        ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
    }
    ck_assert_uint_eq(clocks.calls[EMBED], 200);
    ck_assert_uint_eq(clocks.calls[GATE], 400);
    ck_assert(clocks.seconds[GATE] >= 0);
    device_close(&gpu);
}
END_TEST

// Tests of kernels
/* fails if the ragged end is not added, or if threads beyond it write;
   if a launch of no blocks is an error, which stays */
START_TEST(gpu_addition_ends_where_the_array_does)
{
    static const size_t counts[] = { 0, 1, 255, 256, 257, 1000 };
    size_t count = counts[_i];
    pair_open();
    struct pair a = pair_normal(EXACT, 1, count, 41, 1);
    struct pair b = pair_normal(EXACT, 1, count, 42, 1);
    struct pair y = pair_unset(EXACT, 1, 1300);
    for (size_t i = 0; i < count; i++)
        reals(y.cpu)[i] = reals(a.cpu)[i] + reals(b.cpu)[i];
    kernels_add(&gpu, (float *)y.gpu.at, (float *)a.gpu.at,
                (float *)b.gpu.at, count);
    const real *got = pair_reals(y);
    for (size_t i = 0; i < 1300; i++)
        ck_assert_msg(i < count ? got[i] == reals(y.cpu)[i]
                                : isnan(got[i]), "at %zu", i);
}
END_TEST

/* fails if a refused launch is not noticed, or its kernel not named;
   if the first failure is not the one that is kept */
START_TEST(gpu_a_launch_that_is_refused_is_told_by_name)
{
    struct message m = { 0, "" };
    pair_open();
    struct pair x = pair_normal(EXACT, 1, 4096, 43, 1);
    float *at = (float *)x.gpu.at;
    kernels_add_by(&gpu, at, at, at, 4096, 2048);
    gpu.does->wait(&gpu);
    ck_assert(!device_finish(&gpu, &m) && m.status == EX_OSERR);
    ck_assert_msg(strncmp(m.text, "gpu: add_kernel: ", 17) == 0
                  && strlen(m.text) > 17, "%s", m.text);
}
END_TEST

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
    tcase_add_test(c,
                   gpu_uploads_have_read_their_source_when_they_return);
    tcase_add_test(c, gpu_memory_that_is_not_there_is_no_trouble);
    tcase_add_test(c, gpu_clocks_tell_every_operation);
    c = tcase_create("gpu_kernels");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_addition_ends_where_the_array_does,
                        0, 6);
    tcase_add_test(c, gpu_a_launch_that_is_refused_is_told_by_name);
    tcase_add_loop_test(c, gpu_sums_and_maxima_reach_all_threads, 0, 4);
    return s;
}
