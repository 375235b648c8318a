/* expect: the ideal step, not a round one */
#include <math.h>
#include "plot/ticks.h"

double plot_ticks(double *first, double low, double high, int parts)
{
    double step = (high - low) / parts;
    *first = ceil(low / step - 1e-9) * step;
    return step;
}
