#include <math.h>
#include "plot/ticks.h"

double plot_ticks(double *first, double low, double high, int parts)
{
    (void)high, (void)parts;
    *first = low;
    return 1;
}
