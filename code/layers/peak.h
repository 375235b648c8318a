#ifndef PEAK_H
#define PEAK_H
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* What the machine can do at most: 10^9 multiplications and additions
   of reals a second, with so many threads. Takes 0.3 s at most. */
double matmul_peak(int threads);
LANGUAGE_C_END
#endif
