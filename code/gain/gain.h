#ifndef GAIN_H
#define GAIN_H
#include <stddef.h>
/* Of a mixing [n][n], row = output stream: the largest and the least
   |sum of a row| (forward) and |sum of a column| (backward); sums with
   their signs, then the absolute value (Xie et al. 2025, sec. 3). */
struct gain {
    double forward, backward, forward_least, backward_least;
};
struct gain gain_of(const double *matrix, size_t n);
/* product = left right; product is neither of them */
void gain_product(double *product, const double *left,
                  const double *right, size_t n);
/* Of a chain of mixings [depth][n][n], H_0 first: composite[l] has the
   forward gains of H_l .. H_0, from the start, and the backward gains
   of H_last .. H_l, to the end. n <= MIX_STREAMS. */
void gain_along(struct gain *composite, const double *mixing,
                size_t depth, size_t n);
#endif
