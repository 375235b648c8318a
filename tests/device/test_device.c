#include "support/behind.h"
#include "support/cpu.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "layers/attention.h"
#include "model/model.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>
#include <signal.h>
#include <string.h>
#include <sysexits.h>

// A model runs on a device
enum { BATCH = 2, LENGTH = 6, WORDS = 13, MOST = 8000 };

static token input[BATCH * LENGTH], target[BATCH * LENGTH];

static struct configuration small(const char *connection)
{
    struct configuration c = configuration_default();
    for (size_t i = 0; i < BATCH * LENGTH; i++) {
        input[i] = (token)random_below(1, 0, i, WORDS);
        target[i] = (token)random_below(2, 0, i, WORDS);
    }
    strcpy(c.connection, connection);
    c.streams = connection_find(connection)->most_streams > 1 ? 2 : 1;
    c.layers = 2;
    c.width = 12;
    c.heads = 2;
    c.hidden = 7;
    c.context = LENGTH;
    c.vocabulary = WORDS;
    return c;
}

static double run(struct device *d, const char *connection, bool apart,
                  real *gradients, real *logits)
{
    struct configuration c = small(connection);
    struct message message = { 0, "" };
    struct model m, one;
    ck_assert(model_open(&m, &c, d, BATCH, TRAINING, 2, &message));
    ck_assert(model_open(&one, &c, d, 1, INFERENCE, 0, &message));
    m.apart = apart;
    ck_assert(m.parameters.count <= MOST);
    model_initialise(&m);
    model_initialise(&one);
    size_t before = behind_waits();
    model_forward(&m, input, target);
    ck_assert(behind_waits() == before);
    double loss = model_loss(&m);
    before = behind_waits();
    model_backward(&m, 1);
    ck_assert(behind_waits() == before);
    device_download(d, gradients, m.gradients);
    model_extend(&one, input, 0, 4);
    model_extend(&one, input + 4, 4, 2);
    model_logits(&one, logits, 1);
    model_close(&m);
    model_close(&one);
    ck_assert(device_finish(d, &message));
    return loss;
}

/* fails if the model looks through a device's address, or waits for
   it */
START_TEST(a_model_agrees_on_a_device_that_lags)
{
    struct device d;
    real *want = test_reals(MOST), *got = test_reals(MOST);
    real logits[WORDS], same[WORDS];
    omp_set_num_threads(1);
    for (size_t i = 0; connections[i] != NULL; i++) {
        const char *name = connections[i]->name;
        double loss = run(&cpu, name, _i, want, logits);
        behind_open(&d);
        ck_assert(run(&d, name, _i, got, same) == loss && loss > 1);
        ck_assert(behind_waits() > 3);
        assert_same(got, want, MOST);
        assert_same(same, logits, WORDS);
        device_close(&d);
    }
}
END_TEST

// Tests of clocks and failures
/* fails if clocks are read when a call is made, not when it is done */
START_TEST(clocks_are_right_for_a_device_that_lags)
{
    struct clocks clocks = { { 0 }, { 0 } };
    struct message message = { 0, "" };
    struct configuration c = small("residual");
    struct device d;
    struct model m;
    behind_open(&d);
    ck_assert(model_open(&m, &c, &d, BATCH, INFERENCE, 0, &message));
    model_initialise(&m);
    ck_assert(device_finish(&d, &message));
    d.clocks = &clocks;
    behind_pause = 2000;
    model_forward(&m, input, NULL);
    ck_assert(clocks.calls[PRODUCT] == 0);
    ck_assert(device_finish(&d, &message));
    behind_pause = 0;
    /* two layers of four products, and the head's */
    ck_assert_uint_eq(clocks.calls[PRODUCT], 9);
    ck_assert_uint_eq(clocks.calls[ATTEND], 2);
    ck_assert_uint_eq(clocks.calls[CROSS], 5);
    ck_assert_double_gt(clocks.seconds[PRODUCT], 9 * 0.002);
    ck_assert_double_lt(clocks.seconds[GATE],
                        clocks.seconds[PRODUCT]);
    model_close(&m);
    device_close(&d);
}
END_TEST

/* fails if operations go on after a failure, or finishing forgets it */
START_TEST(the_first_failure_comes_out_at_the_end)
{
    struct message message = { 0, "" }, again = { 0, "" };
    struct configuration c = small("residual");
    struct device d;
    struct model m;
    real before[MOST] = { 0 };
    behind_open(&d);
    ck_assert(model_open(&m, &c, &d, BATCH, TRAINING, 0, &message));
    model_initialise(&m);
    model_forward(&m, input, target);
    device_download(&d, before, m.gradients);
    behind_fail_at(4);
    model_backward(&m, 1);
    ck_assert(d.trouble.status == 0);
    ck_assert(!device_finish(&d, &message));
    ck_assert(message.status == EX_OSERR);
    ck_assert_str_eq(message.text, "this call was to fail");
    model_forward(&m, input, target);
    ck_assert(behind_calls() == 0 && model_loss(&m) == 0);
    ck_assert(!device_finish(&d, &again) && again.status == EX_OSERR);
    model_close(&m);
    device_close(&d);
}
END_TEST

// Tests of arrays and roles
static struct array shape(enum role role, size_t rows, size_t columns)
{
    return device_shape(&cpu, role, rows, columns);
}

/* fails if an operation takes an operand of a wrong role or shape */
START_TEST(an_array_in_a_wrong_role_ends_the_program)
{
    struct array y = shape(ACTIVATION, 2, 3);
    struct array x = shape(ACTIVATION, 2, 5), w = shape(WORKING, 3, 5);
    cpu.planning = true;
    device_product(&cpu, y, x, w);
    device_product_weight(&cpu, shape(MASTER, 3, 5), shape(GRADIENT, 2,
                          3), x);
    switch (_i) {
    case 0: device_product(&cpu, y, x, shape(EXACT, 3, 5)); break;
    case 1: device_product(&cpu, y, shape(GRADIENT, 2, 5), w); break;
    case 2: device_product(&cpu, shape(TOKEN, 2, 3), x, w); break;
    case 3: device_product(&cpu, y, x, shape(WORKING, 3, 4)); break;
    case 4: device_product(&cpu, y, shape(ACTIVATION, 1, 5), w); break;
    case 5: device_product_weight(&cpu, w, shape(GRADIENT, 2, 3), x);
        break;
    case 6: device_product_input(&cpu, x, shape(GRADIENT, 2, 3), w,
                                 false); break;
    case 7: device_embed(&cpu, x, shape(EXACT, 2, 1), w); break;
    case 8: device_loss(&cpu, shape(SUM, 2, 1), shape(EXACT, 2, 1),
                        shape(EXACT, 2, 9), shape(TOKEN, 2, 1)); break;
    case 9: device_mean(&cpu, shape(EXACT, 1, 2), shape(EXACT, 2, 1), 1,
                        false); break;
    case 10: device_gate(&cpu, y, shape(GRADIENT, 2, 6)); break;
    }
}
END_TEST

/* fails if rows are counted in reals, whatever the format */
START_TEST(parts_of_arrays_are_whole_rows)
{
    static const size_t bytes[FORMATS] = { 8, 4, 2, 1, 1, 4, 2 };
    for (enum format f = F64; f < FORMATS; f++) {
        struct array a = { .at = (void *)4096, .rows = 7,
                           .columns = 5, .role = EXACT, .format = f };
        struct array b = array_rows(a, 3, 2);
        size_t row = 5 * bytes[f];
        // Let a row be longer in the test
        row = f == E4M3 ? 16 : row;     /* 5 codes, an exponent, and nothing */
        ck_assert(format_bytes(f) == bytes[f]);
        ck_assert(array_bytes(a) == 7 * row);
        ck_assert((uintptr_t)b.at == 4096 + 3 * row);
        ck_assert(b.rows == 2 && b.columns == 5 && b.format == f);
        a.at = NULL;
        ck_assert_ptr_null(array_rows(a, 3, 2).at);
    }
}
END_TEST

// Tests of opening a device
/* fails if memory is not zeroed, or a copy goes past its rows */
START_TEST(the_cpu_holds_numbers_and_tokens)
{
    struct message m = { 0, "" };
    for (enum role r = MASTER; r < SUM; r++) {
        const real host[5] = { 1, 2, 3, 4, 5 };
        real back[3] = { 0 };
        struct array x = shape(r, 5, 1), y = shape(r, 5, 1);
        x.at = device_allocate(&cpu, array_bytes(x), &m);
        y.at = device_allocate(&cpu, array_bytes(y), &m);
        ck_assert((uintptr_t)x.at % 64 == 0);
        ck_assert(reals(x)[0] == 0 && reals(x)[4] == 0);
        device_upload(&cpu, x, host);
        device_copy(&cpu, array_rows(y, 1, 3), array_rows(x, 2, 3));
        device_zero(&cpu, array_rows(y, 2, 1));
        device_download(&cpu, back, array_rows(y, 1, 3));
        ck_assert(back[0] == 3 && back[1] == 0 && back[2] == 5);
        ck_assert(reals(y)[0] == 0 && reals(y)[4] == 0);
        device_release(&cpu, x.at);
        device_release(&cpu, y.at);
    }
    ck_assert(cpu.format[TOKEN] == INT32 && cpu.format[SUM] == F64);
}
END_TEST

/* fails if an unknown name opens the first device there is */
START_TEST(other_devices_and_precisions_are_refused)
{
    struct device d;
    struct message m = { 0, "" }, n = { 0, "" };
    ck_assert(!device_open(&d, "tpu", "single", &m));
    ck_assert(strstr(m.text, "there is no device 'tpu', but cpu"));
    ck_assert(!device_open(&d, "cpu", "half", &n) && d.does == NULL);
    ck_assert(strstr(n.text, "there is no precision 'half' on the cpu, "
                     "but single"));
    ck_assert(m.status == EX_USAGE && n.status == EX_USAGE);
}
END_TEST

// Tests of the workspace
/* fails if planning asks for less than an operation then takes */
START_TEST(the_workspace_is_as_large_as_was_planned)
{
    struct message message = { 0, "" };
    struct configuration c = small("residual");
    struct device d;
    struct model m;
    ck_assert(device_open(&d, "cpu", "single", &message));
    omp_set_num_threads(1);
    ck_assert(model_open(&m, &c, &d, BATCH, TRAINING, 0, &message));
    ck_assert(m.workspace > 0 && d.reserved == m.workspace);
    model_initialise(&m);
    model_forward(&m, input, target);
    model_backward(&m, 1);
    ck_assert(d.reserved == m.workspace && !d.planning);
    omp_set_num_threads(8);
    model_forward(&m, input, target);
    ck_assert(d.reserved > m.workspace && model_loss(&m) > 1);
    omp_set_num_threads(64);
    memory_allow(0);
    model_forward(&m, input, target);
    memory_allow(SIZE_MAX);
    ck_assert(!device_finish(&d, &message));
    ck_assert(message.status == EX_OSERR);
    model_close(&m);
    device_close(&d);
}
END_TEST

// The suite of the devices
Suite *device_suite(void);
Suite *device_suite(void)
{
    Suite *s = suite_create("device");
    TCase *c = tcase_create("cpu");
    suite_add_tcase(s, c);
    tcase_add_test(c, the_cpu_holds_numbers_and_tokens);
    tcase_add_test(c, parts_of_arrays_are_whole_rows);
    tcase_add_test(c, other_devices_and_precisions_are_refused);
    tcase_add_test(c, the_workspace_is_as_large_as_was_planned);
    tcase_add_loop_test(c, a_model_agrees_on_a_device_that_lags, 0, 2);
    tcase_add_test(c, clocks_are_right_for_a_device_that_lags);
    tcase_add_test(c, the_first_failure_comes_out_at_the_end);
    tcase_add_loop_test_raise_signal(c,
        an_array_in_a_wrong_role_ends_the_program, SIGABRT, 0, 11);
    return s;
}
