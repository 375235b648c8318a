#include <math.h>
#include "plot/ticks.h"

// Round step
double plot_ticks(double *first, double low, double high, int parts)
{
    double ideal = (high - low) / parts;
    double power = pow(10, floor(log10(ideal)));
    double f = ideal / power;
    double step = power * (f < sqrt(2) ? 1 : f < sqrt(10) ? 2
                           : f < sqrt(50) ? 5 : 10);
    *first = ceil(low / step - 1e-9) * step + 0.;
    return step;
}
