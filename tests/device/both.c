#include "device/both.h"
#include "ground/bf16.h"
#include "support/cpu.h"
#include "support/fill.h"
#include "support/suite.h"

struct device two[2];

void both_open(const char *precision)
{
    struct message m = { 0, "" };
    ck_assert_msg(device_open(&two[CPU], "cpu", precision, &m), "%s",
                  m.text);
    ck_assert_msg(device_open(&two[GPU], "gpu", precision, &m), "%s",
                  m.text);
}

struct array both_put(int d, struct array wide)
{
    struct message m = { 0, "" };
    struct array a = device_shape(&two[d], wide.role, wide.rows,
                                  wide.columns);
    a.at = device_allocate(&two[d], array_bytes(a) + 16, &m);
    ck_assert_msg(a.at != NULL, "%s", m.text);
    device_upload(&two[d], a, wide.at);
    return a;
}

struct both both_with(struct array wide)
{
    struct both b = { wide, { both_put(CPU, wide),
                              both_put(GPU, wide) } };
    if (b.on[CPU].format == BF16)
        bf16_settle(reals(wide), wide.rows * wide.columns);
    return b;
}

struct both both_of(enum role role, size_t rows, size_t columns,
                           uint64_t seed, double scale)
{
    return both_with(test_array(role, rows, columns, seed, scale));
}

struct both both_integers(enum role role, size_t rows,
                                 size_t columns, uint64_t seed)
{
    struct array a = test_array(role, rows, columns, seed, 1);
    fill_integers(reals(a), rows * columns, seed, 2);
    return both_with(a);
}

real *both_fetch(int d, struct array a)
{
    struct message m = { 0, "" };
    real *x = test_unset(a.rows * a.columns + 1);
    device_download(&two[d], x, a);
    ck_assert_msg(device_finish(&two[d], &m), "%s", m.text);
    return x;
}
