#ifndef DIFFERENCE_H
#define DIFFERENCE_H
#include "ground/real.h"
/* A gradient held against central differences. */
struct difference {
    double worst;       /* largest |difference - gradient| / largest */
    double largest;     /* largest |difference| */
    size_t at;          /* where the worst one is */
};
/* f reads x through its context; x is restored. */
struct difference difference_check(double (*f)(void *context),
                                   void *context, real *x,
                                   const real *gradient, size_t count);

#define assert_gradient(d) do { \
    struct difference d_ = (d); \
    ck_assert_msg(d_.largest > 1e-4, "a gradient of at most %g says " \
                  "nothing", d_.largest); \
    ck_assert_msg(d_.worst <= 1e-6, "gradient %zu is off by %g of " \
                  "the largest, %g", d_.at, d_.worst, d_.largest); \
} while (0)
#endif
