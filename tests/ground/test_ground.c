#include "ground/memory.h"
#include "ground/hash.h"
#include "ground/random.h"
#include "ground/slices.h"
#include "ground/sum.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <malloc.h>
#include <omp.h>
#include <sysexits.h>
#include <unistd.h>

// Tests of the sums
/* fails if slice_of does not begin the
   later slices behind the longer ones */
START_TEST(slices_follow_each_other_and_are_even)
{
    for (size_t slices = 1; slices < 20; slices++)
        for (size_t count = 0; count < 100; count++) {
            size_t at = 0;
            for (size_t s = 0; s < slices; s++) {
                struct slice slice = slice_of(s, slices, count);
                size_t length = slice.end - slice.begin;
                ck_assert_uint_eq(slice.begin, at);
                ck_assert(length == count / slices ||
                          length == count / slices + 1);
                at = slice.end;
            }
            ck_assert_uint_eq(at, count);
        }
}
END_TEST

/* fails if the last elements of a slice,
   fewer than eight, are left out */
START_TEST(sums_of_integers_are_exact)
{
    static const size_t large[] = { 511, 512, 513, 65537, 100003,
                                    2000003 };
    for (size_t k = 0; k < 40 + 6; k++) {
        size_t count = k < 40 ? k : large[k - 40];
        real *x = test_reals(count);
        fill_integers(x, count, k, 9);
        long total = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            total += (long)x[i];
            squares += (long)x[i] * (long)x[i];
        }
        ck_assert_double_eq(sum_of(x, count), (double)total);
        ck_assert_double_eq(sum_of_squares(x, count), (double)squares);
    }
}
END_TEST

/* fails if there are as many slices as
   threads, or parts are added as they come */
START_TEST(sums_do_not_depend_on_the_threads)
{
    enum { COUNT = 200001 };
    real *x = test_reals(COUNT);
    fill_normal(x, COUNT, 1, 1);
    omp_set_num_threads(1);
    double alone = sum_of(x, COUNT), squares = sum_of_squares(x, COUNT);
    for (int threads = 2; threads < 4; threads++) {
        omp_set_num_threads(threads);
        ck_assert(sum_of(x, COUNT) == alone);
        ck_assert(sum_of_squares(x, COUNT) == squares);
    }
}
END_TEST

/* fails if the running sums are of type float */
START_TEST(sums_are_held_in_double)
{
    enum { COUNT = 1000000 };
    real *x = test_reals(COUNT);
    for (size_t i = 0; i < COUNT; i++)
        x[i] = (real)0.1;
    double want = COUNT * (double)x[0];
    ck_assert_double_le(fabs(sum_of(x, COUNT) - want), 1e-13 * want);
}
END_TEST

#include "ground/median.h"
/* fails if an even count takes only one of its middle two */
START_TEST(a_median_is_in_the_middle_of_odd_and_even_counts)
{
    double x[] = { 4, 1, 8, 2, 16 };
    ck_assert(median(x, 5) == 4 && x[0] == 1 && x[4] == 16);
    ck_assert(median(x, 4) == 3 && median(x, 2) == 1.5);
    ck_assert(median(x, 1) == 1 && isnan(median(x, 0)));
}
END_TEST
// Tests of the exponential
static double ulps_off(float got, double want)
{
    if (isinf((float)want) || isinf(got))
        return got == (float)want ? 0 : INFINITY;
    int power;
    frexp(want, &power);
    double ulp = ldexp(1, power > -125 ? power - 24 : -149);
    return fabs(got - want) / ulp;
}

/* fails if a term of the polynomial or
   the low part of ln 2 is missing */
START_TEST(exponential_is_within_two_ulp)
{
    double worst = 0;
    for (uint64_t bits = 0; bits >> 32 == 0; bits += 4099) {
        uint32_t low = (uint32_t)bits;
        float x;
        memcpy(&x, &low, sizeof x);
        if (isnan(x))
            continue;
        float got = (float)exponential(x);
        worst = fmax(worst, ulps_off(got, exp((double)x)));
    }
    ck_assert_double_le(worst, 2);
}
END_TEST

/* fails if a clamp is missing, is too
   narrow, or makes a number of a NaN */
START_TEST(exponential_of_the_extremes)
{
    ck_assert(exponential(0) == 1);
    ck_assert(exponential((real)-INFINITY) == 0);
    ck_assert(exponential(-1e30f) == 0);
    ck_assert(exponential(-800) == 0);
    ck_assert(exponential(-103.5f) > 0);
    ck_assert(isfinite(exponential(88.72f)));
    ck_assert(isinf(exponential(800)));
    ck_assert(isinf(exponential(1e30f)));
    ck_assert(isinf(exponential((real)INFINITY)));
    ck_assert(isnan(exponential((real)NAN)));
}
END_TEST

// Tests of messages and memory
/* fails if a later failure overwrites the message of the first */
START_TEST(the_first_failure_is_kept)
{
    struct message m = { 0, "" };
    ck_assert(!fail(&m, EX_DATAERR, "page %d is torn", 7));
    ck_assert(!fail(&m, EX_USAGE, "another"));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert_str_eq(m.text, "page 7 is torn");
}
END_TEST

/* fails if the text is written without the bound of its array */
START_TEST(a_long_message_is_cut_off)
{
    struct message m = { 0, "" };
    char long_text[1000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    fail(&m, EX_IOERR, "%s", long_text);
    ck_assert_uint_eq(strlen(m.text), sizeof m.text - 1);
}
END_TEST

/* fails if a product wraps around, or one that just fits is refused */
START_TEST(products_that_do_not_fit_are_refused)
{
    const size_t half = SIZE_MAX / 2 + 1;
    size_t p = 7;
    ck_assert(!multiply_sizes(&p, half, 2));
    ck_assert(!multiply_sizes(&p, SIZE_MAX, SIZE_MAX));
    ck_assert_uint_eq(p, 7);
    ck_assert(multiply_sizes(&p, half - 1, 2) && p == SIZE_MAX - 1);
    ck_assert(multiply_sizes(&p, SIZE_MAX, 1) && p == SIZE_MAX);
    ck_assert(multiply_sizes(&p, SIZE_MAX, 0) && p == 0);
    ck_assert(multiply_sizes(&p, 0, SIZE_MAX) && p == 0);
    ck_assert(multiply_sizes(&p, 6, 7) && p == 42);
}
END_TEST

/* fails if memory is not cleared, or
   not aligned to a line of the cache */
START_TEST(memory_is_zero_aligned_and_large_enough)
{
    struct message m = { 0, "" };
    for (size_t count = 0; count < 200; count++)
        for (int again = 0; again < 2; again++) {
            unsigned char *p = memory_new(count, 3, &m);
            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq((uintptr_t)p % 64, 0);
            ck_assert(malloc_usable_size(p) > count * 3);
            for (size_t i = 0; i < count * 3; i++)
                ck_assert_uint_eq(p[i], 0);
            memset(p, 0xff, count * 3);
            memory_free(p);
        }
    ck_assert_int_eq(m.status, 0);
}
END_TEST

/* fails if rounding up to lines of the
   cache wraps around to a small size */
START_TEST(impossible_sizes_are_reported)
{
    static const size_t sizes[][2] = {
        { SIZE_MAX / 2 + 1, 2 }, { SIZE_MAX - 10, 1 },
        { SIZE_MAX, 1 }, { SIZE_MAX - 64, 1 }, { SIZE_MAX - 63, 1 },
        { SIZE_MAX / 4, 1 } };
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct message m = { 0, "" };
        ck_assert_ptr_null(memory_new(sizes[i][0], sizes[i][1], &m));
        ck_assert_int_eq(m.status, EX_OSERR);
        ck_assert_ptr_nonnull(strstr(m.text, "no memory for "));
    }
}
END_TEST

/* fails if memory_allow lets one call too many or too few succeed */
START_TEST(memory_can_be_made_to_run_out)
{
    struct message m = { 0, "" };
    memory_allow(2);
    void *a = memory_new(1, 1, &m), *b = memory_new(1, 1, &m);
    ck_assert(a != NULL && b != NULL && m.status == 0);
    ck_assert_ptr_null(memory_new(1, 1, &m));
    ck_assert_int_eq(m.status, EX_OSERR);
    memory_allow(SIZE_MAX);
    void *c = memory_new(1, 1, &m);
    ck_assert_ptr_nonnull(c);
    memory_free(a);
    memory_free(b);
    memory_free(c);
}
END_TEST

/* fails if two threads can both take the
   last allocation that is allowed */
START_TEST(threads_share_what_is_allowed_and_get_no_more)
{
    size_t had = 0;
    memory_allow(1000);
    #pragma omp parallel for reduction(+ : had) num_threads(8)
    for (int i = 0; i < 8000; i++) {
        struct message m = { 0, "" };
        void *p = memory_new(1, 1, &m);
        had += p != NULL;
        memory_free(p);
    }
    memory_allow(SIZE_MAX);
    ck_assert_uint_eq(had, 1000);
}
END_TEST

/* fails if memory_there promises more than the address space holds */
START_TEST(there_is_a_page_and_not_every_address)
{
    ck_assert(memory_there(1) && memory_there(1 << 20));
    ck_assert(!memory_there(SIZE_MAX) && !memory_there(SIZE_MAX / 2));
}
END_TEST

/* fails if memory_there does not give back what it has mapped */
START_TEST(asking_for_memory_keeps_none)
{
    for (int i = 0; i < 140000; i++)    /* of a GiB, beyond all bits */
        ck_assert(memory_there(1 << 30));
}
END_TEST

/* fails if memory_peak leaves its file
   open, or finds no number in it */
START_TEST(looking_at_the_peak_leaves_nothing_open)
{
    int before = dup(STDOUT_FILENO);
    close(before);
    ck_assert_uint_gt(memory_peak(), 1 << 20);
    ck_assert_int_eq(dup(STDOUT_FILENO), before);
    close(before);
}
END_TEST

// Tests of the random numbers
/* fails if philox has nine rounds, or
   exchanges halves, factors or keys */
START_TEST(philox_gives_the_published_numbers)
{
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } known[] = {
        { { 0, 0, 0, 0 }, { 0, 0 },
          { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { { ~0u, ~0u, ~0u, ~0u }, { ~0u, ~0u },
          { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { { 0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344 },
          { 0xa4093822, 0x299f31d0 },
          { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } } };
    for (size_t i = 0; i < 3; i++) {
        struct philox x = philox(known[i].counter, known[i].key);
        for (size_t k = 0; k < 4; k++)
            ck_assert_uint_eq(x.word[k], known[i].want[k]);
    }
}
END_TEST

/* fails if the upper half of seed, stream or place is dropped */
START_TEST(all_bits_of_seed_stream_and_place_count)
{
    const uint64_t seed = 0x123456789abcdef0;
    const uint64_t stream = 0xfedcba9876543210;
    const uint64_t i = 0x1122334455667788;
    const uint32_t key[2] = { 0x9abcdef0, 0x12345678 };
    const uint32_t counter[4] = { 0x55667788, 0x11223344,
                                  0x76543210, 0xfedcba98 };
    struct philox x = philox(counter, key);
    uint64_t bits = (uint64_t)x.word[0] << 32 | x.word[1];
    double u = (double)(bits >> 11) / 9007199254740992.0;
    ck_assert(random_uniform(seed, stream, i) == u);
    ck_assert_uint_eq(random_below(seed, stream, i, 1000),
                      (size_t)(1000 * u));
    for (uint64_t k = 0; k < 4; k++)
        ck_assert_uint_eq(random_bits(seed, stream, 4 * i + k),
                          x.word[k]);
}
END_TEST

/* fails if a change of the generator gives
   a seed other numbers than before */
START_TEST(uniform_numbers_are_pinned)
{
    ck_assert(random_uniform(1, 2, 3) == 0x1.bc117ea4cc7dfp-1);
    ck_assert_double_eq_tol(random_normal(1, 2, 3),
                            -1.977265873615718, 1e-14);
}
END_TEST

/* fails if fractions leave [0,1), miss
   an end of it, or follow each other */
START_TEST(uniform_numbers_fill_the_interval)
{
    enum { COUNT = 100000 };
    double mean = 0, least = 1, most = 0, lag = 0, before = 0.5;
    for (uint64_t i = 0; i < COUNT; i++) {
        double u = random_uniform(7, random_stream("uniform"), i);
        mean += u / COUNT;
        least = fmin(least, u);
        most = fmax(most, u);
        lag += (u - 0.5) * (before - 0.5) / COUNT;
        before = u;
    }
    ck_assert_double_le(fabs(mean - 0.5), 0.005);
    ck_assert(least >= 0 && least < 1e-3 && most < 1 && most > 0.999);
    ck_assert_double_le(fabs(lag), 0.0015);
}
END_TEST

/* fails if the variance is not 1, as
   without the factor 2 under the root */
START_TEST(normal_numbers_have_the_right_moments)
{
    enum { COUNT = 100000 };
    double moment[5] = { 0 };
    for (uint64_t i = 0; i < COUNT; i++) {
        double z = random_normal(7, random_stream("normal"), i);
        for (int k = 1; k < 5; k++)
            moment[k] += pow(z, k) / COUNT;
    }
    ck_assert_double_le(fabs(moment[1]), 0.02);
    ck_assert_double_le(fabs(moment[2] - 1), 0.03);
    ck_assert_double_le(fabs(moment[3]), 0.1);
    ck_assert_double_le(fabs(moment[4] - 3), 0.2);
}
END_TEST

/* fails if random_below returns n, or
   favours some of the numbers below it */
START_TEST(numbers_below_n_are_even)
{
    for (size_t n = 1; n < 34; n++) {
        size_t seen[34] = { 0 };
        for (uint64_t i = 0; i < 1000 * n; i++) {
            size_t k = random_below(3, n, i, n);
            ck_assert_uint_lt(k, n);
            seen[k]++;
        }
        for (size_t k = 0; k < n; k++)
            ck_assert(seen[k] > 840 && seen[k] < 1160);
    }
}
END_TEST

/* fails if fnv_add multiplies before
   the exclusive or, or starts anew */
START_TEST(streams_have_the_published_hash)
{
    ck_assert(random_stream("") == 0xcbf29ce484222325);
    ck_assert(random_stream("a") == 0xaf63dc4c8601ec8c);
    ck_assert(random_stream("foobar") == 0x85944171f73967e8);
    ck_assert(fnv_add(fnv_add(FNV_EMPTY, "foo", 3), "bar", 3)
              == 0x85944171f73967e8);
}
END_TEST

Suite *ground_suite(void)
{
    Suite *s = suite_create("ground");
    TCase *sums = tcase_create("sums");
    TCase *exponentials = tcase_create("exponential");
    TCase *memory = tcase_create("memory");
    TCase *random = tcase_create("random");
    // Register the tests of the ground
    suite_add_tcase(s, sums);
    tcase_add_test(sums, slices_follow_each_other_and_are_even);
    tcase_add_test(sums, sums_of_integers_are_exact);
    tcase_add_test(sums, sums_do_not_depend_on_the_threads);
    tcase_add_test(sums, sums_are_held_in_double);
    suite_add_tcase(s, exponentials);
    tcase_add_test(exponentials, exponential_is_within_two_ulp);
    tcase_add_test(exponentials, exponential_of_the_extremes);
    suite_add_tcase(s, memory);
    tcase_add_test(memory, the_first_failure_is_kept);
    tcase_add_test(memory, a_long_message_is_cut_off);
    tcase_add_test(memory, products_that_do_not_fit_are_refused);
    tcase_add_test(memory, memory_is_zero_aligned_and_large_enough);
    tcase_add_test(memory, impossible_sizes_are_reported);
    tcase_add_test(memory, memory_can_be_made_to_run_out);
    tcase_add_test(memory, threads_share_what_is_allowed_and_get_no_more);
    tcase_add_test(memory, there_is_a_page_and_not_every_address);
    tcase_add_test(memory, asking_for_memory_keeps_none);
    tcase_add_test(memory, looking_at_the_peak_leaves_nothing_open);
    suite_add_tcase(s, random);
    tcase_add_test(random, philox_gives_the_published_numbers);
    tcase_add_test(random, all_bits_of_seed_stream_and_place_count);
    tcase_add_test(random, uniform_numbers_are_pinned);
    tcase_add_test(random, uniform_numbers_fill_the_interval);
    tcase_add_test(random, normal_numbers_have_the_right_moments);
    tcase_add_test(random, numbers_below_n_are_even);
    tcase_add_test(random, streams_have_the_published_hash);
    tcase_add_test(sums, a_median_is_in_the_middle_of_odd_and_even_counts);
    return s;
}
