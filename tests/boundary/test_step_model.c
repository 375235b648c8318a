#include "boundary/step_model.h"
#include "support/suite.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Lines of what was counted
static FILE *results(const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "data/results/%s.csv", name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "there is no %s", path);
    return f;
}

/* as a line of the lab's check has it */
static bool is_counted(const char *line)
{
    char counted[200];
    bool found = false;
    FILE *f = results("boundary_units");
    while (!found && fgets(counted, sizeof counted, f) != NULL)
        found = strncmp(counted, line, strlen(line)) == 0;
    fclose(f);
    return found;
}

// Tests of the model
/* fails if a unit, the machine's numbers or the products are not what
   the closed form has; many tokens: phi weighs little, and rows a
   hundredth at width 2560. Of those that have clusters at once */
START_TEST(gpu_the_closed_form_is_what_the_model_comes_to)
{
    static const struct {
        enum scheme scheme;
        size_t width;
        double more, within;
    } form[] = { { APART, 8192, 49, .005 },
                 { AT_ONCE, 2560, 17, .015 },
                 { AT_ONCE, 4096, 21, .01 } };
    for (size_t i = 0; i < 3; i++)
        for (size_t m = 0; m < 5; m++) {
            struct shape s = usual_shape;
            struct attained a = usual;
            const struct machine *it = &machines[m];
            s.tokens = 1 << 22, s.width = form[i].width;
            a.floats = a.cache = a.tensor = 1000;
            double more = boundary_time(form[i].scheme, 4, 0, it, &a,
                                        &s)
                        - boundary_time(RESIDUAL, 1, 0, it, &a, &s);
            double C = (double)s.width, T = (double)s.tokens;
            double products = 36 * T * C * C
                            / (it->dense * a.products);
            double balance = it->dense * a.products
                           / (it->bytes * a.memory);
            bool has_room = form[i].scheme == APART
                         || it->version >= 90;
            double want = (has_room ? form[i].more : 49)
                        * balance / 18 / C;
            ck_assert_msg(fabs(more / products / want - 1)
                          < form[i].within, "%s, %zu: %g, not %g",
                          it->name, i, more / products, want);
        }
}
END_TEST

/* fails if one of the five limits is left out */
START_TEST(a_kernel_takes_what_its_slowest_part_takes)
{
    const struct machine m = { "even", 1e12, 1e12, 1e12, 1e12, 0, 0 };
    const struct attained a = { .memory = 1, .floats = 1, .cache = 2,
                                .tensor = .5, .launch = 1e-6 };
    const struct size s = { 4, 1000, 1000 };
    static const struct { struct kernel k; double want; } some[] = {
        { { .units = 2 }, 4e-6 }, { { .units = .1 }, 1e-6 },
        { { .units = 2, .cached = 12 }, 8e-6 },
        { { .units = 2, .cached = 12, .work = 9 }, 9e-6 },
        { { .units = 2, .work = 9, .tensor = 6 }, 12e-6 },
        { { .row = 5000 }, 5e-6 }, { { .phi = 100 }, 38.4e-6 },
        { { .fixed = 7e6 }, 7e-6 } };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        double got = kernel_time(&some[i].k, &s, &m, &a);
        ck_assert_msg(fabs(got / some[i].want - 1) < 1e-9,
                      "%zu: %g, not %g", i, got, some[i].want);
    }
}
END_TEST

static double moved(const char *file, const char *kind, int columns)
{
    FILE *f = results(file);
    char line[200];
    double a = NAN, b = NAN;
    while (isnan(a) && fgets(line, sizeof line, f) != NULL)
        if (strncmp(line, kind, strlen(kind)) == 0)
            sscanf(line + strlen(kind), ",%*u,%lf,%lf", &a, &b);
    fclose(f);
    return columns == 2 ? a + b : b;
}

/* fails if the gate, the turning of queries and keys or the update move
   something else; there H = 2 C, and a unit has floats */
START_TEST(the_rest_moves_what_was_counted)
{
    ck_assert_double_eq_tol(moved("step_units", "SwiGLU", 1),
                            2. * GATE_HIDDEN / 2, .06);
    ck_assert_double_eq_tol(4 * moved("step_units", "optimizer", 1),
                            UPDATE_BYTES, .2);
    ck_assert_double_eq_tol(
        moved("crossing_units", "in_sixteen::turn", 2)
        + moved("crossing_units", "in_sixteen::multiply_rows", 2),
        TURN_WIDTHS, .1);
}
END_TEST

/* fails if a table in data/results is of another model */
START_TEST(gpu_the_tables_are_what_the_model_says)
{
    FILE *f = results("step_model_machines");
    static const enum scheme scheme[] = { APART, AT_ONCE, AT_ONCE,
                                          AT_ONCE };
    static const double more[] = { 0, 0, 1.5, 6 };
    char line[300], name[32];
    size_t rows = 0;
    double last[4];
    while (fgets(line, sizeof line, f) != NULL)
        for (size_t m = 0; m < 5; m++) {
            const char *at = line;
            if (sscanf(line, "%31[^,],", name) != 1
                || strcmp(name, machines[m].name) != 0)
                continue;
            for (int commas = 0; commas < 10; at++)
                commas += *at == ',';
            ck_assert(sscanf(at, "%lf,%lf,%lf,%lf", &last[0], &last[1],
                             &last[2], &last[3]) == 4);
            for (size_t k = 0; k < 4; k++)
                ck_assert_msg(fabs(last[k] - 100 * overhead(scheme[k],
                    4, more[k], RESIDUAL, &machines[m], &usual,
                    &usual_shape)) < .051, "%s: %s", name, line);
            rows++;
        }
    fclose(f);
    ck_assert_uint_eq(rows, 5);
}
END_TEST
/* fails if the lab asks for what nobody has counted */
START_TEST(the_labs_lines_were_counted)
{
    FILE *f = fopen("exercises/50-boundary-units/check.c", "r");
    char line[200], part[2][90];
    size_t lines = 0;
    ck_assert(f != NULL);
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, " { \"%89[^\"]\"", part[0]) == 1) {
            ck_assert(fgets(line, sizeof line, f) != NULL);
            ck_assert(sscanf(line, " \"%89[^\"]\"", part[1]) == 1);
            snprintf(line, sizeof line, "%s%s", part[0], part[1]);
            ck_assert_msg(is_counted(line), "%s", line);
            lines++;
        }
    fclose(f);
    ck_assert_uint_eq(lines, 8);
}
END_TEST

Suite *step_model_suite(void);
Suite *step_model_suite(void)
{
    Suite *s = suite_create("step_model");
    TCase *c = tcase_create("step_model");
    tcase_add_test(c, gpu_the_closed_form_is_what_the_model_comes_to);
    tcase_add_test(c, a_kernel_takes_what_its_slowest_part_takes);
    tcase_add_test(c, gpu_the_tables_are_what_the_model_says);
    tcase_add_test(c, the_rest_moves_what_was_counted);
    tcase_add_test(c, the_labs_lines_were_counted);
    suite_add_tcase(s, c);
    return s;
}
