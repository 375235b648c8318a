#include "support/cpu.h"
#include "support/fill.h"
#include <stdlib.h>

struct device cpu;

__attribute__((constructor)) static void open_the_cpu(void)
{
    struct message m = { 0, "" };
    if (!device_open(&cpu, "cpu", "single", &m))
        abort();
}

struct array test_row(enum role role, size_t columns)
{
    struct array a = device_shape(&cpu, role, 1, columns);
    a.at = test_reals(columns * 2 + 1);
    return a;
}

struct array test_array(enum role role, size_t rows, size_t columns,
                        uint64_t seed, double scale)
{
    struct array a = test_row(role, rows * columns);
    fill_normal(reals(a), rows * columns, seed, scale);
    a.rows = rows;
    a.columns = columns;
    return a;
}
