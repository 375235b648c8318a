/* expect: the quantile at the confidence */
#include "experiment/statistics.h"
#include <math.h>

size_t pairs_needed(double mean, double deviation, double power,
                    double confidence)
{
    for (size_t n = 2; ; n++) {
        double freedom = (double)n - 1, shift = mean / deviation;
        double t = student_quantile(confidence, freedom);
        shift *= sqrt((double)n);
        if (student_tail(t, freedom, shift)
            + student_tail(t, freedom, -shift) >= power)
            return n;
    }
}
