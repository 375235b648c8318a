#ifndef STATISTICS_H
#define STATISTICS_H
#include <stddef.h>

/* With Z normal and, apart from it, S the root of chi-squared over
   `freedom`: the probability that (Z + shift) / S > t. Student's
   distribution is that of shift 0; absolute error below 1e-12. */
double student_tail(double t, double freedom, double shift);
/* the t that is exceeded with probability 1 - p, 0 < p < 1 */
double student_quantile(double p, double freedom);

/* What `pairs` differences say of their mean. */
struct paired {
    size_t pairs;
    double mean, deviation;     /* of the differences; over pairs - 1 */
    double half;                /* the interval is mean -+ half */
    double p;                   /* two-sided, of a true mean of 0 */
};
/* differences left[i] - right[i]; pairs >= 2; confidence as in .95.
   p is 1 of a mean of 0; NaN among the numbers makes all NaN. */
struct paired paired_interval(const double *left, const double *right,
                              size_t pairs, double confidence);
/* adjusted[i]: p[i] times what Holm's step-down asks for, at most 1.
   NaN stays NaN, and counts as one of the comparisons. */
void holm(double *adjusted, const double *p, size_t count);

/* Probability that the interval of so many pairs leaves out zero, if
   the differences are normal with this mean and deviation > 0. */
double power_of(double mean, double deviation, size_t pairs,
                double confidence);
/* the fewest pairs of that power, 0 < power < 1; SIZE_MAX if these
   are more than 2^63, or if the mean is 0 */
size_t pairs_needed(double mean, double deviation, double power,
                    double confidence);
/* the mean that so many pairs show with that power */
double detectable(double deviation, size_t pairs, double power,
                  double confidence);
#endif
