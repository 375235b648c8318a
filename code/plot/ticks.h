#ifndef TICKS_H
#define TICKS_H
/* A round step (1, 2 or 5 times a power of ten) that cuts low..high,
   low < high, into about `parts` parts; *first: its first multiple from
   low on. */
double plot_ticks(double *first, double low, double high, int parts);
#endif
