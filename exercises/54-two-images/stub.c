#include "support/images.h"

void two_images(struct images to, const real *x, size_t rows,
                size_t columns);

void two_images(struct images to, const real *x, size_t rows,
                size_t columns)
{
    (void)to, (void)x, (void)rows, (void)columns;
}
