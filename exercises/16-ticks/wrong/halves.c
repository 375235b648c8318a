/* expect: a neighbour of the right step; look at the bounds */
#include <math.h>
#include "plot/ticks.h"

double plot_ticks(double *first, double low, double high, int parts)
{
    double ideal = (high - low) / parts;
    double power = pow(10, floor(log10(ideal)));
    double f = ideal / power;
    double step = power * (f <= 1 ? 1 : f <= 2 ? 2 : f <= 5 ? 5 : 10);
    *first = ceil(low / step - 1e-9) * step;
    return step;
}
