#ifndef FRAME_H
#define FRAME_H
#include <stdbool.h>
#include <stdio.h>
#include "plot/history.h"

/* A picture of so many points; what lies between the margins is x0 to
   x1 and y0 to y1; by decades y0 and y1 are logarithms, to base ten. */
enum { WIDE = 760, HIGH = 440, LEFT = 64, RIGHT = 150, TOP = 24,
       BOTTOM = 48, COLOURS = 6 };
struct frame { double x0, x1, y0, y1; bool decades; };
extern const char *const frame_colour[COLOURS];

double frame_across(const struct frame *f, double x);
double frame_down(const struct frame *f, double y);
/* the beginning of an SVG file; high: HIGH or more */
void frame_begin(FILE *out, const char *title, int high);
/* round numbers along x, and what they are */
void frame_bottom(FILE *out, const struct frame *f, const char *what);
/* a line across the picture, pale, or dashed as a reference; at its
   left the number */
void frame_level(FILE *out, const struct frame *f, double y,
                 bool reference);
/* Of a curve, a y that is not finite, or has no logarithm, is left out.
   makes room for the curve */
void frame_widen(struct frame *f, const struct points *p);
/* style: attributes, each with a blank behind it */
void frame_curve(FILE *out, const struct frame *f,
                 const struct points *p, size_t number,
                 const char *style);
#endif
