#ifndef CPU_H
#define CPU_H
#include "device/device.h"
extern struct device cpu;       /* open */
/* an array in this machine's memory, with normal numbers times scale;
   as long as the test */
struct array test_array(enum role role, size_t rows, size_t columns,
                        uint64_t seed, double scale);
/* so many zeros as one row */
struct array test_row(enum role role, size_t columns);
#endif
