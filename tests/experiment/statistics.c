#include "experiment/statistics.h"
#include <math.h>
#include <stdint.h>

// The tail of Student's distribution
static double normal_below(double x)
{
    return erfc(-x / M_SQRT2) / 2;
}

double student_tail(double t, double freedom, double shift)
{
    double reach = 6.5 / sqrt(freedom), sum = 0, weights = 0;
    double step = 0.3 / sqrt(freedom + 9);
    for (double u = -37 / freedom - reach; u < reach; u += step) {
        double s = exp(u);
        double weight = exp(freedom * (u - expm1(2 * u) / 2));
        weights += weight;
        sum += weight * normal_below(shift - t * s);
    }
    return sum / weights;
}

// Its quantile
double student_quantile(double p, double freedom)
{
    if (p < 0.5)
        return -student_quantile(1 - p, freedom);
    double low = 0, high = 1;
    while (student_tail(high, freedom, 0) > 1 - p)
        high *= 2;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (student_tail(middle, freedom, 0) > 1 - p)
            low = middle;
        else
            high = middle;
    }
    return high;
}

// An interval from pairs
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
    r.half = student_quantile((1 + confidence) / 2, n - 1) * error;
    r.p = r.mean == 0 ? 1
        : 2 * student_tail(fabs(r.mean) / error, n - 1, 0);
    return r;
}

// Holm's correction
void holm(double *adjusted, const double *p, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        adjusted[i] = isnan(p[i]) ? NAN : 0;
        for (size_t j = 0; j < count; j++) {
            size_t smaller = 0;
            for (size_t k = 0; k < count; k++)
                smaller += p[k] < p[j];
            if (p[j] <= p[i])
                adjusted[i] = fmax(adjusted[i], fmin(1,
                    (double)(count - smaller) * p[j]));
        }
    }
}

// Power, and what follows from it
double power_of(double mean, double deviation, size_t pairs,
                double confidence)
{
    double freedom = (double)pairs - 1;
    double bound = student_quantile((1 + confidence) / 2, freedom);
    double shift = fabs(mean) / deviation * sqrt((double)pairs);
    return student_tail(bound, freedom, shift)
        + student_tail(bound, freedom, -shift);
}

// The fewest pairs
size_t pairs_needed(double mean, double deviation, double power,
                    double confidence)
{
    size_t low = 1, high = 2;
    while (power_of(mean, deviation, high, confidence) < power) {
        if (high > SIZE_MAX / 2)
            return SIZE_MAX;
        low = high;
        high *= 2;
    }
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (power_of(mean, deviation, middle, confidence) < power)
            low = middle;
        else
            high = middle;
    }
    return high;
}

// The smallest mean that shows
double detectable(double deviation, size_t pairs, double power,
                  double confidence)
{
    double low = 0, high = deviation;
    while (power_of(high, deviation, pairs, confidence) < power)
        high *= 2;
    for (int i = 0; i < 50; i++) {
        double middle = (low + high) / 2;
        if (power_of(middle, deviation, pairs, confidence) < power)
            low = middle;
        else
            high = middle;
    }
    return high;
}
