#include "boundary/step_model.h"
#include "support/suite.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

// Lines of what was counted
struct counted {
    char way[8], how[12], kernel[64];
    size_t n, tokens, width, launches;
    double read, written;
};

static FILE *results(const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "data/results/%s.csv", name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "there is no %s", path);
    return f;
}

static bool next_counted(struct counted *c, FILE *f)
{
    char line[200];
    while (fgets(line, sizeof line, f) != NULL)
        if (sscanf(line, "%7[^,],%11[^,],%zu,%zu,%zu,%63[^,],%zu,%lf,"
                   "%lf", c->way, c->how, &c->n, &c->tokens, &c->width,
                   c->kernel, &c->launches, &c->read, &c->written) == 9)
            return true;
    return false;
}

/* as a line of the lab's check has it */
static bool is_counted(const char *line)
{
    char counted[200];
    bool found = false;
    FILE *f = results("boundary_kernels");
    while (!found && fgets(counted, sizeof counted, f) != NULL)
        found = strncmp(counted, line, strlen(line)) == 0;
    fclose(f);
    return found;
}

// Tests of the kernels' lines
/* fails if a kernel's line lacks an array, a piece of a row, phi or the
   sums of runs, or has one too many */
START_TEST(each_kernel_moves_what_was_counted)
{
    struct counted c;
    size_t lines = 0;
    FILE *f = results("boundary_kernels");
    while (next_counted(&c, f)) {
        struct kernel k[MOST_KERNELS];
        bool all = strcmp(c.kernel, "all") == 0;
        double unit = 2 * (double)(c.tokens * c.width), sum = 0;
        size_t launches = 0, count = boundary_kernels(k, c.n == 1
            ? RESIDUAL_APART : strcmp(c.how, "apart") == 0 ? APART
            : AT_ONCE, strcmp(c.way, "there") == 0 ? THERE : BACK, c.n);
        for (size_t i = 0; i < count; i++)
            if (all || strcmp(k[i].name, c.kernel) == 0) {
                launches++;
                sum += kernel_bytes(&k[i], c.n, (double)c.tokens,
                                    (double)c.width) / unit;
            }
        double got = c.read + c.written;
        ck_assert_msg(launches == c.launches
                      && fabs(sum - got) < .01 * got + .02,
                      "%s, %s, %zu streams, %s: %zu kernels, %.3f "
                      "units, counted %zu and %.3f", c.way, c.how, c.n,
                      c.kernel, launches, sum, c.launches, got);
        lines++;
    }
    fclose(f);
    ck_assert_msg(lines > 100, "%zu lines", lines);
}
END_TEST

// Tests of the model
/* fails if a unit, the machine's numbers or the products are not what
   the closed form has; wide, many tokens: rows and phi weigh little */
START_TEST(the_closed_form_is_what_the_model_comes_to)
{
    static const struct { enum scheme scheme; double more; } form[] = {
        { APART, 49 }, { ONE_PASS, 17 } };
    for (size_t i = 0; i < 2; i++)
        for (size_t m = 0; m < 5; m++) {
            struct shape s = usual_shape;
            struct attained a = usual;
            const struct machine *it = &machines[m];
            s.tokens = 1 << 20, s.width = 8192;
            a.floats = a.cache = 1000;
            double more = boundary_time(form[i].scheme, 4, 0, it, &a,
                                        &s)
                        - boundary_time(RESIDUAL, 1, 0, it, &a, &s);
            double products = 36 * s.tokens * s.width * s.width
                            / (it->dense * a.products);
            double balance = it->dense * a.products
                           / (it->bytes * a.memory);
            double want = form[i].more * balance / 18 / s.width;
            ck_assert_msg(fabs(more / products / want - 1) < .005,
                          "%s: %g, not %g", it->name, more / products,
                          want);
        }
}
END_TEST

/* fails if one of the four limits is left out */
START_TEST(a_kernel_takes_what_its_slowest_part_takes)
{
    const struct machine m = { "even", 1e12, 1e12, 1e12 };
    const struct attained a = { .memory = 1, .floats = 1, .cache = 2,
                                .launch = 1e-6 };
    const struct shape s = { .tokens = 1000, .width = 1000 };
    static const struct { struct kernel k; double want; } some[] = {
        { { .units = 2 }, 4e-6 }, { { .units = .1 }, 1e-6 },
        { { .units = 2, .cached = 12 }, 8e-6 },
        { { .units = 2, .cached = 12, .work = 9 }, 9e-6 },
        { { .row = 5000 }, 5e-6 }, { { .phi = 1 }, .096 / 1 * 1e-6 } };
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        double got = kernel_time(&some[i].k, 4, &m, &a, &s);
        double want = fmax(some[i].want, a.launch);
        ck_assert_msg(fabs(got / want - 1) < 1e-9, "%zu: %g, not %g", i,
                      got, want);
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
START_TEST(the_tables_are_what_the_model_says)
{
    FILE *f = results("step_model_machines");
    char line[300], name[32];
    size_t rows = 0;
    double last[5];
    while (fgets(line, sizeof line, f) != NULL)
        for (size_t m = 0; m < 5; m++) {
            const char *at = line;
            if (sscanf(line, "%31[^,],", name) != 1
                || strcmp(name, machines[m].name) != 0)
                continue;
            for (int commas = 0; commas < 12; at++)
                commas += *at == ',';
            ck_assert(sscanf(at, "%lf,%lf,%lf,%lf,%lf", &last[0],
                             &last[1], &last[2], &last[3], &last[4])
                      == 5);
            static const enum scheme scheme[] = { APART, AT_ONCE,
                ONE_PASS, ONE_PASS, ONE_PASS };
            static const double more[] = { 0, 0, 0, 1.5, 6 };
            for (size_t k = 0; k < 5; k++)
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
    tcase_add_test(c, each_kernel_moves_what_was_counted);
    tcase_add_test(c, the_closed_form_is_what_the_model_comes_to);
    tcase_add_test(c, a_kernel_takes_what_its_slowest_part_takes);
    tcase_add_test(c, the_tables_are_what_the_model_says);
    tcase_add_test(c, the_rest_moves_what_was_counted);
    tcase_add_test(c, the_labs_lines_were_counted);
    suite_add_tcase(s, c);
    return s;
}
