#include "support/suite.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// Headers for finding a GPU
#include "device/device.h"
#undef suite_create
#undef tcase_create
#undef _tcase_add_test

// Declarations of the suites
Suite *ground_suite(void);
Suite *support_suite(void);
Suite *matmul_suite(void);
Suite *reduction_suite(void);
Suite *embedding_suite(void);
Suite *norm_suite(void);
Suite *feedforward_suite(void);
Suite *loss_suite(void);
Suite *attention_suite(void);
Suite *streams_suite(void);
Suite *boundary_suite(void);
Suite *configuration_suite(void);
Suite *device_suite(void);
Suite *parameters_suite(void);
Suite *tape_suite(void);
Suite *model_suite(void);
Suite *corpus_suite(void);
Suite *optimizer_suite(void);
Suite *training_suite(void);
Suite *safetensors_suite(void);
Suite *durable_suite(void);
Suite *checkpoint_suite(void);
Suite *plot_suite(void);
Suite *sampling_suite(void);
Suite *mixing_suite(void);
Suite *gain_suite(void);
Suite *sinkhorn_suite(void);
Suite *mhc_suite(void);
Suite *manifold_suite(void);
Suite *upcycle_suite(void);
Suite *sweep_suite(void);
Suite *recompute_suite(void);
Suite *check_suite(void);
Suite *gpu_norm_suite(void);
Suite *gpu_device_suite(void);
Suite *gpu_emulator_suite(void);
Suite *gpu_matmul_suite(void);
Suite *gpu_attention_suite(void);
Suite *gpu_layers_suite(void);
Suite *gpu_sinkhorn_suite(void);
Suite *gpu_mixing_suite(void);
Suite *gpu_boundary_suite(void);
Suite *bf16_suite(void);
Suite *gpu_tensor_suite(void);
Suite *gpu_tensor_products_suite(void);
Suite *gpu_hopper_suite(void);
Suite *gpu_attention16_suite(void);
Suite *gpu_sixteen_suite(void);
Suite *gpu_step_suite(void);
Suite *gpu_cublaslt_suite(void);
Suite *lazy_suite(void);
Suite *step_model_suite(void);
Suite *fp8_suite(void);
Suite *eight_suite(void);
Suite *gpu_eight_suite(void);
Suite *range_suite(void);
Suite *rows_suite(void);
Suite *statistics_suite(void);
Suite *experiment_suite(void);

static Suite *(*const suites[])(void) = {
    // The suites
    ground_suite,
    support_suite,
    matmul_suite,
    reduction_suite,
    embedding_suite,
    norm_suite,
    feedforward_suite,
    loss_suite,
    attention_suite,
    streams_suite,
    boundary_suite,
    configuration_suite,
    device_suite,
    parameters_suite,
    tape_suite,
    model_suite,
    corpus_suite,
    optimizer_suite,
    training_suite,
    safetensors_suite,
    durable_suite,
    checkpoint_suite,
    plot_suite,
    sampling_suite,
    mixing_suite,
    gain_suite,
    sinkhorn_suite,
    mhc_suite,
    manifold_suite,
    upcycle_suite,
    sweep_suite,
    recompute_suite,
    check_suite,
    bf16_suite,
    lazy_suite,
    step_model_suite,
    fp8_suite,
    eight_suite,
    range_suite,
    rows_suite,
    statistics_suite,
    experiment_suite,
};

// Choose the tests
enum { CASES = 256 };
static const char *filter = "";     /* "" is part of every name */
static const char *suite_name, *case_name[CASES];
static TCase *cases[CASES];
static int skipped, case_count;

// Note the names of suites and cases
Suite *filtered_suite(const char *name)
{
    suite_name = name;
    return suite_create(name);
}

TCase *filtered_case(const char *name)
{
    if (case_count == CASES)
        abort();
    case_name[case_count] = name;
    return cases[case_count++] = tcase_create(name);
}

static const char *name_of(const TCase *c)
{
    for (int i = 0; i < case_count; i++)
        if (cases[i] == c)
            return case_name[i];
    return "";
}

// Look whether this machine can run a test
static bool machine_can_run(const char *test)
{
    if (strncmp(test, "gpu_", 4) != 0)
        return true;
    // Look for a GPU
    if (getenv("TEST_GPU") != NULL)
        return true;
    static int there = -1;
    if (there < 0) {
        struct message unsaid = { 0, "" };
        struct device d;
        there = device_open(&d, "gpu", NULL, &unsaid);
        if (there)
            device_close(&d);
    }
    if (there)
        return true;
    return false;
}

void filtered_test(TCase *c, const TTest *test, int signal, int status,
                   int from, int to)
{
    if (strstr(suite_name, filter) == NULL &&
        strstr(name_of(c), filter) == NULL &&
        strstr(test->name, filter) == NULL)
        return;
    if (machine_can_run(test->name))
        _tcase_add_test(c, test, signal, status, from, to);
    else
        skipped++;
}

// Run the chosen tests
// Let the sanitizer return NULL when memory runs out
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

int main(int argc, char **argv)
{
    bool fast = false;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--fast") == 0)
            fast = true;
        else
            filter = argv[i];
    setenv("CK_DEFAULT_TIMEOUT", "30", 0);
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    // Add suites that not every program has
    static Suite *(*const of_the_gpu[])(void) = {
        // The suites of the gpu
        gpu_norm_suite,
        gpu_device_suite,
        gpu_emulator_suite,
        gpu_matmul_suite,
        gpu_attention_suite,
        gpu_layers_suite,
        gpu_sinkhorn_suite,
        gpu_mixing_suite, gpu_boundary_suite,
        gpu_tensor_suite,
        gpu_tensor_products_suite,
        gpu_hopper_suite,
        gpu_attention16_suite,
        gpu_sixteen_suite,
        gpu_step_suite,
        gpu_cublaslt_suite,
        gpu_eight_suite,
    };
    if (&gpu_operations != NULL)
        for (size_t i = 0; i < sizeof of_the_gpu / sizeof *of_the_gpu; i++)
            srunner_add_suite(runner, of_the_gpu[i]());
    srunner_run_tagged(runner, NULL, NULL, NULL, fast ? "slow" : NULL,
                       CK_ENV);
    // Say how many passed, failed and were skipped
    int ran = srunner_ntests_run(runner);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    if (ran == 0)
        printf("no test was run\n");
    printf("%d passed, %d failed, %d skipped\n", ran - failed, failed,
           skipped);
    return failed > 0 || ran == 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
