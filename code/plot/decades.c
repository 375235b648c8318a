#include <math.h>
#include <stdio.h>
#include "checkpoint/durable.h"
#include "plot/decades.h"
#include "plot/frame.h"

// Choose the decades
static bool visible(double y)
{
    return y > 0 && isfinite(y);
}

/* x from 0, y the logarithms */
static struct frame choose_decades(const struct curve *curve,
                                   size_t curves)
{
    struct frame f = { 0, 1, 0, 1 };
    for (size_t k = 0; k < curves; k++) {
        const struct points *p = &curve[k].points;
        for (size_t i = 0; i < p->count; i++) {
            f.x1 = fmax(f.x1, p->x[i]);
            if (!visible(p->y[i]))
                continue;
            f.y0 = fmin(f.y0, floor(log10(p->y[i])));
            f.y1 = fmax(f.y1, ceil(log10(p->y[i])));
        }
    }
    return f;
}

// Draw a curve over the decades
static void draw_curve(FILE *out, const struct frame *f,
                       const struct curve *c, int number)
{
    const struct points *p = &c->points;
    const char *colour = frame_colour[number % COLOURS];
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" "
            "stroke-width=\"2\" points=\"", colour);
    for (size_t i = 0; i < p->count; i++)
        if (visible(p->y[i]))
            fprintf(out, "%.1f,%.1f ", frame_across(f, p->x[i]),
                    frame_down(f, log10(p->y[i])));
    fprintf(out, "\"/>\n<text x=\"%d\" y=\"%d\" fill=\"%s\">%s"
            "</text>\n", WIDE - RIGHT + 6, TOP + 14 + 16 * number,
            colour, c->name);
}

// Write a picture of decades
bool decades_write(const char *path, const char *across,
                   const struct curve *curve, size_t curves,
                   struct message *m)
{
    struct durable file;
    FILE *out = durable_text(&file, path, m);
    if (!out)
        return false;
    struct frame f = choose_decades(curve, curves);
    int low = (int)f.y0, high = (int)f.y1;
    int each = (high - low + 11) / 12;
    frame_begin(out, "Gains", HIGH);
    frame_bottom(out, &f, across);
    for (int k = low; k <= high; k += each)
        frame_level(out, &f, k, pow(10, k), k == 0);
    for (size_t k = 0; k < curves; k++)
        draw_curve(out, &f, &curve[k], (int)k);
    fprintf(out, "</svg>\n");
    return durable_commit(&file, m);
}
