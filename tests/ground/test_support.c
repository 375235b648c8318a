#include "support/compare.h"
#include "support/difference.h"
#include "support/fill.h"
#include "support/lab.h"
#include "support/suite.h"
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

// Tests of the comparison
static const char *const wrongs[] = { "zeros", "a NaN", "infinity",
    "shifted by one", "transposed", "sign", "times 1.01",
    "one element" };
enum { WRONGS = sizeof wrongs / sizeof wrongs[0] };

static void make_wrong(real *got, const real *want, int kind)
{
    for (size_t i = 0; i < 16; i++) {
        // Let value be what a mistake of this kind would give
        real value = want[i];
        if (kind == 0)
            value = 0;
        else if (kind == 1 && i == 15)
            value = NAN;
        else if (kind == 2 && i == 7)
            value = INFINITY;
        else if (kind == 3)
            value = want[(i + 1) % 16];
        else if (kind == 4)
            value = want[i % 4 * 4 + i / 4];
        else if (kind == 5)
            value = -want[i];
        else if (kind == 6)
            value = want[i] * (real)1.01;
        else if (kind == 7 && i == 0)
            value = want[i] + (real)1e-5;
        got[i] = value;
    }
}

/* fails if the tolerance is absolute:
   then zeros pass, if all is small */
START_TEST(wrong_arrays_are_refused)
{
    const size_t shape[2] = { 4, 4 };
    real want[16], got[16];
    fill_normal(want, 16, 5, 1e-3);
    make_wrong(got, want, _i);
    ck_assert_msg(!compare_arrays(NULL, "x", got, want, shape, 2, 5e-3),
                  "accepted: %s", wrongs[_i]);
    ck_assert(!compare_bits(NULL, "x", got, want, 16));
}
END_TEST

/* fails if equal infinities are refused,
   or arrays of no elements pass */
START_TEST(equal_arrays_are_close)
{
    real x[4] = { 1, -2, INFINITY, -INFINITY }, nan[1] = { NAN };
    const size_t none = 0, one = 1;
    assert_close(x, x, 4, 0);
    ck_assert(!compare_arrays(NULL, "x", nan, nan, &one, 1, 0.5));
    ck_assert(!compare_arrays(NULL, "x", x, x, &none, 1, 0.5));
    real other[4] = { 1, -2, -INFINITY, -INFINITY };
    const size_t four = 4;
    ck_assert(!compare_arrays(NULL, "x", other, x, &four, 1, 0.5));
}
END_TEST

/* fails if errors are compared with the
   largest element, or each with its own */
START_TEST(the_tolerance_is_a_part_of_the_rms)
{
    const real want[2] = { 1, 7 }, got[2] = { 1.25, 7 };    /* rms 5 */
    const size_t two = 2;
    ck_assert(compare_arrays(NULL, "x", got, want, &two, 1, 0.0501));
    ck_assert(!compare_arrays(NULL, "x", got, want, &two, 1, 0.0499));
}
END_TEST

/* fails if a reference of zeros falls back on an absolute tolerance */
START_TEST(a_zero_reference_wants_zeros)
{
    real want[3] = { 0 }, got[3] = { 0 };
    const size_t three = 3;
    ck_assert(compare_arrays(NULL, "x", got, want, &three, 1, 0.9));
    got[2] = (real)1e-30;
    ck_assert(!compare_arrays(NULL, "x", got, want, &three, 1, 0.9));
}
END_TEST

/* fails if elements are squared before
   they are divided by the largest */
START_TEST(the_rms_does_not_overflow)
{
    const real huge = sizeof(real) == sizeof(float) ? (real)FLT_MAX
                                                    : (real)DBL_MAX;
    real want[2] = { huge, huge }, got[2] = { huge, huge / 2 };
    const size_t two = 2;
    ck_assert(compare_arrays(NULL, "x", got, want, &two, 1, 0.501));
    ck_assert(!compare_arrays(NULL, "x", got, want, &two, 1, 0.499));
}
END_TEST

/* fails if an index is computed with the extent of another axis */
START_TEST(wrong_elements_are_printed_with_indices)
{
    const size_t shape[3] = { 2, 3, 4 };
    real want[24], got[24];
    for (size_t i = 0; i < 24; i++)
        got[i] = want[i] = 2;
    got[6] = 2.5;
    got[23] = 3;
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    compare_arrays(out, "dx", got, want, shape, 3, 1e-3);
    fclose(out);
    ck_assert_str_eq(text,
        "     dx[0,1,2] got 2.5 want 2\n"
        "     dx[1,2,3] got 3 want 2\n"
        "     2 of 24 wrong; the worst is dx[1,2,3], off by 1, "
        "0.5 of the rms\n");
    free(text);
}
END_TEST

/* fails if bits are compared by ==, for
   which -0 is 0, and a NaN is not itself */
START_TEST(bits_are_compared)
{
    const real zero[1] = { 0 }, minus[1] = { -(real)0.0 };
    const real nan[1] = { NAN };
    assert_same(nan, nan, 1);
    ck_assert(!compare_bits(NULL, "x", minus, zero, 1));
    ck_assert(!compare_bits(NULL, "x", zero, zero, 0));
}
END_TEST

// Tests of the test data
/* fails if fill_integers leaves its range,
   or two seeds give the same numbers */
START_TEST(test_data_are_what_they_say)
{
    real *x = test_reals(1000), *y = test_unset(1000);
    size_t seen[7] = { 0 };
    for (size_t i = 0; i < 1000; i++)
        ck_assert(x[i] == 0 && isnan(y[i]));
    fill_integers(x, 1000, 1, 3);
    for (size_t i = 0; i < 1000; i++) {
        ck_assert(x[i] >= -3 && x[i] <= 3 && x[i] == rint(x[i]));
        seen[(int)x[i] + 3]++;
    }
    for (size_t k = 0; k < 7; k++)
        ck_assert_uint_gt(seen[k], 100);
    fill_normal(x, 1000, 1, 4);
    fill_normal(y, 1000, 2, 4);
    double square = 0, product = 0;
    for (size_t i = 0; i < 1000; i++) {
        square += (double)(x[i] * x[i]) / 1000;
        product += (double)(x[i] * y[i]) / 1000;
    }
    ck_assert(square > 14 && square < 18 && fabs(product) < 2);
}
END_TEST

// Tests of the differences
#ifdef REAL_IS_DOUBLE
#define GOOD 1e-9
#else
#define GOOD 1e-4
#endif
struct point { real x[5], gradient[5]; };

static double cubes(void *context)
{
    const struct point *p = context;
    double sum = 0;
    for (size_t i = 0; i < 5; i++)
        sum += pow((double)p->x[i], 3) / 3;
    return sum;
}

static struct point some_point(void)
{
    struct point p = { { 1, (real)-0.1, 2, (real)0.3, -3 }, { 0 } };
    for (size_t i = 0; i < 5; i++)
        p.gradient[i] = p.x[i] * p.x[i];
    return p;
}

/* fails if the difference is one-sided,
   or divided by h in place of 2 h */
START_TEST(a_right_gradient_is_accepted)
{
    struct point p = some_point();
    struct difference d = difference_check(cubes, &p, p.x,
                                           p.gradient, 5);
    ck_assert_double_le(d.worst, GOOD);
    ck_assert_double_eq_tol(d.largest, 9, 1e-3);
}
END_TEST

/* fails if the error is not divided by the
   largest slope, or at is elsewhere */
START_TEST(a_wrong_element_is_found)
{
    struct point p = some_point();
    p.gradient[3] += (real)0.9;
    struct difference d = difference_check(cubes, &p, p.x,
                                           p.gradient, 5);
    ck_assert_uint_eq(d.at, 3);
    ck_assert_double_eq_tol(d.worst, 0.1, 1e-4);
    for (size_t i = 0; i < 5; i++)
        p.gradient[i] = 0;
    d = difference_check(cubes, &p, p.x, p.gradient, 5);
    ck_assert_uint_eq(d.at, 4);
    ck_assert_double_eq_tol(d.worst, 1, 1e-9);
}
END_TEST

/* fails if x[i] is not put back, or only up to rounding */
START_TEST(differences_restore_x)
{
    struct point p = some_point(), q = p;
    difference_check(cubes, &p, p.x, p.gradient, 5);
    assert_same(p.x, q.x, 5);
}
END_TEST

static double logarithm(void *context)
{
    const real *x = context;
    return log((double)*x);
}

/* fails if the step does not grow with x */
START_TEST(the_step_suits_large_numbers)
{
    real x = 1e6, gradient = (real)1e-6;
    struct difference d = difference_check(logarithm, &x, &x, &gradient,
                                           1);
    ck_assert_double_le(d.worst, GOOD);
}
END_TEST

/* fails if a NaN in the gradient is passed
   over, as it is not larger than anything */
START_TEST(a_nan_is_the_worst)
{
    struct point p = some_point();
    p.gradient[1] = NAN;
    struct difference d = difference_check(cubes, &p, p.x,
                                           p.gradient, 5);
    ck_assert(d.worst > 1 && d.at == 1);
}
END_TEST

// Tests of the lab harness
static char *lab_text;
static size_t lab_length;

static void expect_text(const char *want)
{
    fclose(lab_stream);
    lab_stream = NULL;
    ck_assert_str_eq(lab_text, want);
    free(lab_text);
}

/* fails if a check that found a failure,
   or checked nothing, ends with 0 */
START_TEST(lab_reports_what_is_right_and_wrong)
{
    lab_stream = open_memstream(&lab_text, &lab_length);
    lab_begin("a lab");
    ck_assert(lab_true("one", true, "%d", 1));
    ck_assert_int_eq(lab_end(), EXIT_SUCCESS);
    ck_assert(!lab_true("two", false, "it is %d", 3));
    ck_assert_int_eq(lab_end(), EXIT_FAILURE);
    lab_begin("an empty lab");
    ck_assert_int_eq(lab_end(), EXIT_FAILURE);
    expect_text("a lab\nOK   one\n1 passed, 0 failed\n"
                "FAIL two\n     it is 3\n1 passed, 1 failed\n"
                "an empty lab\n0 passed, 0 failed\n");
}
END_TEST

/* fails if a negated or transposed answer is not recognised as such */
START_TEST(lab_recognises_mistakes)
{
    const size_t shape[2] = { 2, 3 };
    const real w[6] = { 1, 2, 3, 4, 5, 7 };
    const real minus[6] = { -1, -2, -3, -4, -5, -7 };
    const real turned[6] = { 1, 4, 2, 5, 3, 7 };
    const real odd[6] = { 1, 2, 3, 4, 5, 8 }, zero[6] = { 0 };
    const real *const got[] = { w, minus, turned, odd, zero };
    static const char *const say[] = { "OK   y\n", "answer times -1\n",
        "rows and columns exchanged\n", "like an odd thing\n",
        "all of it is zero\n" };
    for (size_t i = 0; i < 5; i++) {
        lab_stream = open_memstream(&lab_text, &lab_length);
        lab_begin("a lab");
        ck_assert(lab_compare("y", got[i], w, shape, 2, 1e-3) == !i);
        lab_mistake("an odd thing", odd);
        fclose(lab_stream);
        for (size_t k = 0; k < 5; k++)
            ck_assert((strstr(lab_text, say[k]) != NULL) == (k == i));
        free(lab_text);
    }
    lab_stream = NULL;
}
END_TEST
static const real told[6] = { 1, -2, 3, 4, -5, 7 };

static void expect_words(void (*answer)(real *y, real *z),
                         const char *first, const char *second)
{
    const size_t shape[2] = { 2, 3 };
    const real start[6] = { 3, 1, 4, 1, 5, 9 };
    real y[6], z[6], sum[6];
    lab_stream = open_memstream(&lab_text, &lab_length);
    lab_begin("a lab");
    lab_axes("tc");
    lab_unset(y, 6);
    lab_start(z, start, 6);
    answer(y, z);
    for (size_t i = 0; i < 6; i++)
        sum[i] = start[i] + told[i];
    lab_compare("dy, told", y, told, shape, 2, 1e-5);
    lab_compare("dz", z, sum, shape, 2, 1e-5);
    fclose(lab_stream);
    ck_assert_msg(strstr(lab_text, first) != NULL, "%s", lab_text);
    ck_assert_msg(strstr(lab_text, second) != NULL, "%s", lab_text);
    free(lab_text);
    lab_stream = NULL;
}
static void write_nothing(real *y, real *z)
{
    (void)y, (void)z;
}

static void forget_one(real *y, real *z)
{
    for (size_t i = 0; i < 6; i++) {
        y[i] = i == 5 ? y[i] : told[i];
        z[i] += i == 1 ? -3 : told[i];
    }
}

static void exchange_add_and_overwrite(real *y, real *z)
{
    for (size_t i = 0; i < 6; i++) {
        y[i] += told[i];
        z[i] = told[i];
    }
}

/* fails if poison is printed as if the answer had computed it */
START_TEST(lab_says_in_words_what_was_not_written)
{
    expect_words(write_nothing, "     nothing of it was written\n",
                 "     all of it is still what it was before\n");
    expect_words(forget_one, "     dy[t=1][c=2] was not written, want ",
                 "     dz[t=0][c=1] got -2 want -1\n");
    expect_words(exchange_add_and_overwrite,
        "it was added to what stood there; it is to be overwritten",
        "it was overwritten; it is to be added to what stands there");
}
END_TEST
// Tests of the judge
enum bad { HONEST, LEAVES, LEAVES_AT_ONCE, LOOPS, FORKS,
           RUNS_A_PROGRAM, OPENS_A_SOCKET, WRITES_A_FILE,
           KILLS_THE_JUDGE, ABORTS, PRINTS_FOR_EVER,
           CHANGES_ITS_INPUT, CALLS_THE_CHECK, BADS };

__attribute__((section("check"), aligned(4096), noinline))
static real formula_of_the_check(real x)
{
    return 2 * x;
}
/* to the end of its page */
__asm__(".pushsection check, 1, \"ax\"\n .balign 4096\n .popsection");

static void answer_badly(enum bad bad, real *y, real *x)
{
    printf("99 passed, 0 failed\n");
    fflush(stdout);
    *y = 2 * *x;
    switch (bad) {
    case LEAVES: exit(0);
    case LEAVES_AT_ONCE: _exit(0);
    case LOOPS: for (;;) ;
    case FORKS: for (int i = 0; i < 50; i++) (void)!fork(); break;
    case RUNS_A_PROGRAM: execl("/bin/true", "true", NULL); break;
    case OPENS_A_SOCKET: socket(AF_INET, SOCK_STREAM, 0); break;
    case WRITES_A_FILE: (void)!open("it", O_WRONLY | O_CREAT, 0600);
        break;
    case KILLS_THE_JUDGE: kill(getppid(), SIGKILL); break;
    case ABORTS: abort();
    case PRINTS_FOR_EVER: for (;;) printf("99 passed, 0 failed\n");
    case CHANGES_ITS_INPUT: *x = 0; break;
    case CALLS_THE_CHECK: *y = formula_of_the_check(*x); break;
    default: break;
    }
}
static int hidden;

static int run_judge(enum bad bad, char *text, size_t room)
{
    int ends[2], status;
    ck_assert_int_eq(pipe(ends), 0);
    pid_t judge = fork();
    if (judge == 0) {
        real x = 3, y = 0;
        setenv("LAB_SECONDS", bad == LOOPS ? "1" : "20", 1);
        lab_stream = fdopen(ends[1], "w");
        lab_begin("a lab");
        lab_input("x", &x, sizeof x);
        lab_output(&y, sizeof y);
        lab_call(hidden = 5; answer_badly(bad, &y, &x));
        lab_true("x and y", x == 3 && y == 6 && hidden == 0, "not so");
        exit(lab_end());
    }
    close(ends[1]);
    // Read all that the judge says
    FILE *f = fdopen(ends[0], "r");
    size_t length = fread(text, 1, room - 1, f);
    text[length] = '\0';
    fclose(f);
    waitpid(judge, &status, 0);
    return status;
}
/* fails if an answer that exits, loops
   or kills the judge passes the check */
START_TEST(an_answer_that_does_not_come_back_fails)
{
    static const char *const reason[BADS] = { "OK   x and y\n1 passed",
        "left before its check was finished, with exit status 0",
        "left before its check was finished, with exit status 0",
        "does it loop for ever?", "what no answer needs",
        "what no answer needs", "what no answer needs",
        "what no answer needs", "what no answer needs",
        "it crashed: Aborted", "it prints without end",
        "your answer changes x, which it is only given",
        "FAIL your answer comes back" };
    static char text[1 << 18];
    int status = run_judge((enum bad)_i, text, sizeof text);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status) == 0, _i == HONEST);
    ck_assert_msg(strstr(text, reason[_i]) != NULL, "%s", text);
    ck_assert(strstr(text, "     | 99 passed") != NULL);
    ck_assert(strstr(text, "\n99 passed") == NULL);
}
END_TEST
static int asked;

static void serve_square(void *reply, const void *request)
{
    const real *x = request;
    asked++;
    *(real *)reply = *x * *x;
}

/* fails if a question is answered in the
   child, where the judge cannot count it */
START_TEST(a_judge_replies_to_its_child)
{
    real sum = 0, square, x;
    lab_stream = open_memstream(&lab_text, &lab_length);
    lab_begin("a lab");
    lab_serve(serve_square, sizeof square, sizeof x);
    lab_output(&sum, sizeof sum);
    lab_call(
        for (x = 1; x < 4; x++) {
            lab_ask(&square, &x);
            sum += square;
        });
    ck_assert(sum == 14 && asked == 3);
    fclose(lab_stream);
    free(lab_text);
}
END_TEST

// Tests of the test runner
/* fails if it is run: the tests of the runner count what fails */
START_TEST(demonstration_that_fails)
{
    ck_abort_msg("as it should");
}
END_TEST

/* fails if the runner starts it where
   nobody has said that there is a GPU */
START_TEST(gpu_demonstration)
{
    ck_assert(getenv("TEST_GPU") != NULL);
}
END_TEST

static void expect_run(const char *arguments, int status,
                       const char *last_line)
{
    char path[PATH_MAX], command[2 * PATH_MAX], line[200] = "";
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
    ck_assert(length > 0);
    path[length] = '\0';
    snprintf(command, sizeof command, "TEST_THE_RUNNER=1 '%s' %s 2>&1",
             path, arguments);
    unsetenv("TEST_GPU");
    FILE *p = popen(command, "r");
    ck_assert_ptr_nonnull(p);
    while (fgets(line, sizeof line, p) != NULL)
        ;
    ck_assert_int_eq(pclose(p) != 0, status);
    ck_assert_str_eq(line, last_line);
}

/* fails if a filter that selects no test makes a run that succeeds */
START_TEST(runner_fails_when_nothing_ran)
{
    expect_run("no_such_test", 1, "0 passed, 0 failed, 0 skipped\n");
    expect_run("--fast slow_demonstration", 1,
               "0 passed, 0 failed, 0 skipped\n");
}
END_TEST

/* fails if the filter looks at the names
   of tests alone, not of suite or case */
START_TEST(runner_filters_by_any_name)
{
    expect_run("philox_gives", 0, "1 passed, 0 failed, 0 skipped\n");
    expect_run("slow_demons", 0, "1 passed, 0 failed, 0 skipped\n");
    expect_run("of_these_tests", 1, "0 passed, 1 failed, 1 skipped\n");
}
END_TEST

/* fails if what is skipped counts as
   passed, or a failure leaves status 0 */
START_TEST(runner_reports_failures_and_skips)
{
    expect_run("gpu_demonstration", 1,
               "0 passed, 0 failed, 1 skipped\n");
    expect_run("demonstration_that_fails", 1,
               "0 passed, 1 failed, 0 skipped\n");
}
END_TEST


Suite *support_suite(void)
{
    Suite *s = suite_create("support");
    TCase *compare = tcase_create("compare");
    TCase *difference = tcase_create("difference");
    TCase *lab = tcase_create("lab");
    TCase *runner = tcase_create("runner");
    // Register the tests of the support
    suite_add_tcase(s, compare);
    tcase_add_loop_test(compare, wrong_arrays_are_refused, 0, WRONGS);
    tcase_add_test(compare, equal_arrays_are_close);
    tcase_add_test(compare, the_tolerance_is_a_part_of_the_rms);
    tcase_add_test(compare, a_zero_reference_wants_zeros);
    tcase_add_test(compare, the_rms_does_not_overflow);
    tcase_add_test(compare, wrong_elements_are_printed_with_indices);
    tcase_add_test(compare, bits_are_compared);
    tcase_add_test(compare, test_data_are_what_they_say);
    suite_add_tcase(s, difference);
    tcase_add_test(difference, a_right_gradient_is_accepted);
    tcase_add_test(difference, a_wrong_element_is_found);
    tcase_add_test(difference, differences_restore_x);
    tcase_add_test(difference, the_step_suits_large_numbers);
    tcase_add_test(difference, a_nan_is_the_worst);
    suite_add_tcase(s, lab);
    tcase_add_test(lab, lab_reports_what_is_right_and_wrong);
    tcase_add_test(lab, lab_recognises_mistakes);
    tcase_add_test(lab, lab_says_in_words_what_was_not_written);
    TCase *judge = tcase_create("judge");
    tcase_set_tags(judge, "slow");
    suite_add_tcase(s, judge);
    tcase_add_loop_test(judge, an_answer_that_does_not_come_back_fails, 0,
                        BADS);
    tcase_add_test(judge, a_judge_replies_to_its_child);
    suite_add_tcase(s, runner);
    tcase_add_test(runner, runner_fails_when_nothing_ran);
    tcase_add_test(runner, runner_filters_by_any_name);
    tcase_add_test(runner, runner_reports_failures_and_skips);
    if (getenv("TEST_THE_RUNNER") != NULL) {
        TCase *demonstration = tcase_create("demonstration of_these_tests");
        suite_add_tcase(s, demonstration);
        tcase_add_test(demonstration, demonstration_that_fails);
        tcase_add_test(demonstration, gpu_demonstration);
        TCase *slow = tcase_create("slow_demonstration");
        tcase_set_tags(slow, "slow");
        suite_add_tcase(s, slow);
        tcase_add_test(slow, equal_arrays_are_close);
    }
    return s;
}
