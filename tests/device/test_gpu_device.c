#include "support/pair.h"
#include "support/suite.h"

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

Suite *gpu_device_suite(void);
Suite *gpu_device_suite(void)
{
    Suite *s = suite_create("gpu_device");
    TCase *c = tcase_create("gpu_memory");
    suite_add_tcase(s, c);
    tcase_add_test(c, gpu_memory_begins_with_zeros_and_keeps_numbers);
    return s;
}
