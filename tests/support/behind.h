#ifndef BEHIND_H
#define BEHIND_H
#include "device/device.h"
/* Opens a device that lags behind its calls. There is one at a time. */
void behind_open(struct device *d);
/* how many calls wait to be done; how often somebody waited for them */
size_t behind_calls(void);
size_t behind_waits(void);
/* A pause in each of its products, in microseconds */
extern unsigned behind_pause;
/* From here on the call of number n, counted from 1, fails. 0: none */
void behind_fail_at(size_t n);
#endif
