#include "support/pair.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "support/suite.h"

struct device gpu;

void pair_open(void)
{
    struct message m = { 0, "" };
    if (gpu.does != NULL)
        return;
    ck_assert_msg(device_open(&gpu, "gpu", "single", &m), "%s", m.text);
}

static struct pair pair_of(enum role role, size_t rows, size_t columns,
                           real *numbers)
{
    struct message m = { 0, "" };
    struct pair p = { device_shape(&cpu, role, rows, columns),
                      device_shape(&gpu, role, rows, columns) };
    pair_open();
    p.gpu.format = gpu.format[role];
    p.cpu.at = numbers;
    p.gpu.at = device_allocate(&gpu, array_bytes(p.gpu) + 1, &m);
    ck_assert_msg(p.gpu.at != NULL, "%s", m.text);
    device_upload(&gpu, p.gpu, p.cpu.at);
    return p;
}

// Make pairs
struct pair pair_normal(enum role role, size_t rows, size_t columns,
                        uint64_t seed, double scale)
{
    real *x = test_reals(rows * columns);
    fill_normal(x, rows * columns, seed, scale);
    return pair_of(role, rows, columns, x);
}

struct pair pair_integers(enum role role, size_t rows, size_t columns,
                          uint64_t seed, int most)
{
    real *x = test_reals(rows * columns);
    fill_integers(x, rows * columns, seed, most);
    return pair_of(role, rows, columns, x);
}

struct pair pair_tokens(size_t rows, uint64_t seed, size_t words)
{
    token *id = (token *)test_reals(rows);
    for (size_t t = 0; t < rows; t++)
        id[t] = (token)random_below(seed, 0, t, words);
    return pair_of(TOKEN, rows, 1, (real *)id);
}

struct pair pair_unset(enum role role, size_t rows, size_t columns)
{
    size_t each = format_bytes(cpu.format[role]) / sizeof(real);
    return pair_of(role, rows, columns,
                   test_unset(rows * columns * (each > 0 ? each : 1)));
}

struct pair pair_copy(struct array of_cpu)
{
    return pair_of(of_cpu.role, of_cpu.rows, of_cpu.columns,
                   (real *)of_cpu.at);
}

void pair_upload(struct pair p)
{
    device_upload(&gpu, p.gpu, p.cpu.at);
}

// Compare pairs
const real *pair_reals(struct pair p)
{
    struct message m = { 0, "" };
    real *x = test_unset(p.cpu.rows * p.cpu.columns
                         * format_bytes(p.cpu.format) / sizeof(real));
    device_download(&gpu, x, p.gpu);
    ck_assert_msg(device_finish(&gpu, &m), "%s", m.text);
    return x;
}

void pair_same(const char *name, struct pair p)
{
    ck_assert_msg(compare_bits(stderr, name, pair_reals(p),
                               (const real *)p.cpu.at,
                               p.cpu.rows * p.cpu.columns
                               * format_bytes(p.cpu.format)
                               / sizeof(real)),
                  "%s differs", name);
}

void pair_close(const char *name, struct pair p, double tolerance)
{
    ck_assert_msg(compare_arrays(stderr, name, pair_reals(p),
                                 reals(p.cpu),
                                 (const size_t[]){ p.cpu.rows,
                                                   p.cpu.columns }, 2,
                                 tolerance),
                  "%s is not close", name);
}
