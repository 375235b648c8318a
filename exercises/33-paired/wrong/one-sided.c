/* expect: the quantile at the confidence */
#include "experiment/statistics.h"
#include <math.h>

struct paired paired_interval(const double *left, const double *right,
                              size_t pairs, double confidence)
{
    struct paired r = { .pairs = pairs };
    double n = (double)pairs, squares = 0;
    for (size_t i = 0; i < pairs; i++)
        r.mean += (left[i] - right[i]) / n;
    for (size_t i = 0; i < pairs; i++)
        squares += pow(left[i] - right[i] - r.mean, 2);
    r.deviation = sqrt(squares / (n - 1));
    double error = r.deviation / sqrt(n);
    r.half = student_quantile(confidence, n - 1) * error;
    r.p = 2 * student_tail(fabs(r.mean) / error, n - 1, 0);
    return r;
}
