/* expect: the root of the number of pairs is missing */
#include "experiment/statistics.h"
#include <math.h>
#define paired_interval right_interval
static struct paired right_interval(const double *, const double *,
                                    size_t, double);
static struct paired paired_interval(const double *left, const double *right,
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
           r.half = student_quantile((1 + confidence) / 2, n - 1) * error;
           r.p = r.mean == 0 ? 1
               : 2 * student_tail(fabs(r.mean) / error, n - 1, 0);
           return r;
       }
#undef paired_interval

struct paired paired_interval(const double *left, const double *right,
                              size_t pairs, double confidence)
{
    struct paired r = right_interval(left, right, pairs, confidence);
    r.half *= sqrt((double)pairs);
    return r;
}
