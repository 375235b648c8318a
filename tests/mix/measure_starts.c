#include "model/kinds.h"
#include "model/parameters.h"
#include <math.h>
#include <stdio.h>

// Print how a kind starts
static void print_start(const struct connection *k, size_t n)
{
    struct layout l = layout_of(k->mix, n, 1, 20);
    struct parameter b = { .rows = 1, .columns = mix_biases(k->mix, n),
                           .start = start_rule(k->start, n, 0) };
    real row[200] = { 0 }, alpha[3] = { 0 }, bias[MIX_OUTPUTS];
    for (size_t i = 0; i < b.columns; i++)
        bias[i] = parameter_start(&b, 1, 0, i);
    mix_forward(row, alpha, bias, &l, 1);
    // Print the mix that starts
    const real *h = row + 2 * n;
    double least = 1, most = 0;
    for (size_t j = 1; j < n; j++) {
        least = fmin(least, (double)h[j]);
        most = fmax(most, (double)h[j]);
    }
    // Let left be the difference after sixty sublayers
    double x[MIX_STREAMS] = { 1, -1 }, next[MIX_STREAMS];
    for (size_t step = 0; step < 60; step++) {
        for (size_t i = 0; i < n; i++) {
            next[i] = 0;
            for (size_t j = 0; j < n; j++)
                next[i] += (double)h[i * n + j] * x[j];
        }
        for (size_t i = 0; i < n; i++)
            x[i] = next[i];
    }
    double left = (x[0] - x[1]) / 2;
    printf("%s,%zu,%zu,%.6f,%.2e,%.2e,%.3f\n", k->name, n, l.outputs,
           (double)h[0], least, most, left);
}

int main(void)
{
    printf("kind,streams,outputs,diagonal,least_other,most_other,"
           "left\n");
    for (size_t n = 2; n <= 8; n *= 2) {
        print_start(&mhc, n);
        if (n <= mhc_lite.most_streams)
            print_start(&mhc_lite, n);
        print_start(&krom, n);
    }
    return 0;
}
