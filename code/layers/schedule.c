#include <math.h>
#include "layers/schedule.h"

double schedule_rate(const struct schedule *s, size_t step)
{
    if (step <= s->warmup)
        return s->rate * (double)step / (double)s->warmup;
    if (step >= s->steps)
        return s->rate * s->floor;
    double u = (double)(step - s->warmup)
        / (double)(s->steps - s->warmup);
    double fall = (1 + cos(M_PI * u)) / 2;
    return s->rate * (s->floor + (1 - s->floor) * fall);
}
