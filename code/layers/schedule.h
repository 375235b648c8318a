#ifndef SCHEDULE_H
#define SCHEDULE_H
#include <stddef.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
struct schedule {
    double rate, floor;         /* the peak; the end, a share of it */
    size_t warmup, steps;       /* updates */
};

/* the learning rate of update `step`, 1 being the first */
double schedule_rate(const struct schedule *s, size_t step);
LANGUAGE_C_END
#endif
