#ifndef PLOT_H
#define PLOT_H
#include "plot/history.h"
/* Draws the losses of `runs` runs into an SVG file, atomically. */
bool plot_write(const char *path, const struct history *run,
                size_t runs, struct message *m);
#endif
