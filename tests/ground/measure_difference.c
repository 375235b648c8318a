#include "ground/real.h"
#include <stdio.h>

static double f(double x)
{
    return log1p(exp(x));
}

static float f_float(float x)
{
    return log1pf(expf(x));
}

int main(void)
{
    const double x = 1, right = 1 / (1 + exp(-x));
    printf("step,central,one_sided,central_float\n");
    for (int k = 0; k <= 48; k++) {
        double h = pow(10, -k / 4.0), up = x + h, down = x - h;
        float upper = (float)up, lower = (float)down;
        double central = (f(up) - f(down)) / (up - down);
        double one_sided = (f(up) - f(x)) / (up - x);
        double in_float = (double)(f_float(upper) - f_float(lower)) /
                          (double)(upper - lower);
        printf("%.4g,%.3g,%.3g,%.3g\n", h, fabs(central / right - 1),
               fabs(one_sided / right - 1), fabs(in_float / right - 1));
    }
    return 0;
}
