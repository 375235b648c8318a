#include "gain/gain.h"
#include "boundary/mixing.h"
#include <math.h>
#include <string.h>

// The gain of a matrix
static void widen(double *most, double *least, double sum)
{
    double size = fabs(sum);
    *most = size > *most ? size : *most;
    *least = size < *least ? size : *least;
}

struct gain gain_of(const double *matrix, size_t n)
{
    struct gain g = { 0, 0, INFINITY, INFINITY };
    for (size_t i = 0; i < n; i++) {
        double row = 0, column = 0;
        for (size_t j = 0; j < n; j++) {
            row += matrix[i * n + j];
            column += matrix[j * n + i];
        }
        widen(&g.forward, &g.forward_least, row);
        widen(&g.backward, &g.backward_least, column);
    }
    return g;
}

// The product of two mixings
void gain_product(double *product, const double *left,
                  const double *right, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++)
                sum += left[i * n + k] * right[k * n + j];
            product[i * n + j] = sum;
        }
}

// The gains along a chain
enum { SQUARE = MIX_STREAMS * MIX_STREAMS };

void gain_along(struct gain *composite, const double *mixing,
                size_t depth, size_t n)
{
    double so_far[SQUARE], next[SQUARE];
    size_t square = n * n, bytes = square * sizeof(double);
    for (size_t l = 0; l < depth; l++) {
        const double *h = mixing + l * square;
        if (l == 0)
            memcpy(next, h, bytes);
        else
            gain_product(next, h, so_far, n);
        composite[l] = gain_of(next, n);
        memcpy(so_far, next, bytes);
    }
    // The same from the end
    for (size_t l = depth; l-- > 0; ) {
        const double *h = mixing + l * square;
        if (l + 1 == depth)
            memcpy(next, h, bytes);
        else
            gain_product(next, so_far, h, n);
        struct gain g = gain_of(next, n);
        composite[l].backward = g.backward;
        composite[l].backward_least = g.backward_least;
        memcpy(so_far, next, bytes);
    }
}
