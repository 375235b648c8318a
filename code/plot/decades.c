#include <math.h>
#include <stdio.h>
#include "checkpoint/durable.h"
#include "plot/decades.h"
#include "plot/ticks.h"

// Choose the decades
enum { WIDE = 760, HIGH = 440, LEFT = 64, RIGHT = 150, TOP = 24,
       BOTTOM = 48 };

static const char *const colours[] = {
    "#264268", "#b3502a", "#3f7d4e", "#7b4b94", "#8a6d1d", "#2a7f8e"};
enum { COLOURS = sizeof colours / sizeof *colours };

/* x from 0 to most, y from 10 to the power of low to that of high */
struct decades { double most; int low, high; };

static bool visible(double y)
{
    return y > 0 && isfinite(y);
}

static struct decades choose_decades(const struct curve *curve,
                                     size_t curves)
{
    struct decades d = { 1, 0, 1 };
    for (size_t k = 0; k < curves; k++) {
        const struct points *p = &curve[k].points;
        for (size_t i = 0; i < p->count; i++) {
            d.most = fmax(d.most, p->x[i]);
            if (!visible(p->y[i]))
                continue;
            d.low = (int)fmin(d.low, floor(log10(p->y[i])));
            d.high = (int)fmax(d.high, ceil(log10(p->y[i])));
        }
    }
    return d;
}

// Draw the decades
static double across(const struct decades *d, double x)
{
    return LEFT + x / d->most * (WIDE - LEFT - RIGHT);
}

static double down(const struct decades *d, double y)
{
    return HIGH - BOTTOM - (log10(y) - d->low) / (d->high - d->low)
                         * (HIGH - TOP - BOTTOM);
}

static void draw_axes(FILE *out, const struct decades *d,
                      const char *label)
{
    double first, step = plot_ticks(&first, 0, d->most, 6), tick;
    double end = d->most * 1.000001;
    for (int k = 0; (tick = first + k * step) <= end; k++)
        fprintf(out, "<text x=\"%.1f\" y=\"%d\" class=\"m\">%.9g"
                "</text>\n", across(d, tick), HIGH - BOTTOM + 18, tick);
    int each = (d->high - d->low + 11) / 12;
    for (int k = d->low; k <= d->high; k += each) {
        double y = down(d, pow(10, k));
        fprintf(out, "<line class=\"%c\" x1=\"%d\" x2=\"%d\" "
                "y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
                "class=\"e\">%g</text>\n", k == 0 ? 'o' : 'g', LEFT,
                WIDE - RIGHT, y, y, LEFT - 8, y + 4, pow(10, k));
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"m\">%s</text>\n",
            (LEFT + WIDE - RIGHT) / 2, HIGH - 8, label);
}

// Draw a curve over the decades
static void draw_curve(FILE *out, const struct decades *d,
                       const struct curve *c, int number)
{
    const struct points *p = &c->points;
    const char *colour = colours[number % COLOURS];
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" "
            "stroke-width=\"2\" points=\"", colour);
    for (size_t i = 0; i < p->count; i++)
        if (visible(p->y[i]))
            fprintf(out, "%.1f,%.1f ", across(d, p->x[i]),
                    down(d, p->y[i]));
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
    struct decades d = choose_decades(curve, curves);
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"serif\" font-size=\"13\">\n<style>"
            ".g{stroke:#ddd}.o{stroke:#777;stroke-dasharray:6 4}"
            ".m{text-anchor:middle}.e{text-anchor:end}</style>\n<rect "
            "width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", WIDE,
            HIGH, WIDE, HIGH);
    draw_axes(out, &d, across);
    for (size_t k = 0; k < curves; k++)
        draw_curve(out, &d, &curve[k], (int)k);
    fprintf(out, "</svg>\n");
    return durable_commit(&file, m);
}
