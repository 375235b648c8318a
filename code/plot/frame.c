#include <math.h>
#include "plot/frame.h"
#include "plot/ticks.h"

const char *const frame_colour[COLOURS] = {
    "#264268", "#b3502a", "#3f7d4e", "#7b4b94", "#8a6d1d", "#2a7f8e"};

double frame_across(const struct frame *f, double x)
{
    return LEFT + (x - f->x0) / (f->x1 - f->x0) * (WIDE - LEFT - RIGHT);
}

static double height(const struct frame *f, double y)
{
    return f->decades ? log10(y) : y;
}

double frame_down(const struct frame *f, double y)
{
    return HIGH - BOTTOM - (height(f, y) - f->y0) / (f->y1 - f->y0)
                         * (HIGH - TOP - BOTTOM);
}

// Begin a picture
void frame_begin(FILE *out, const char *title, int high)
{
    fprintf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" "
            "viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" "
            "font-family=\"serif\" font-size=\"13\">\n<title>%s"
            "</title>\n<style>.g{stroke:#ddd}.o{stroke:#777;stroke-"
            "dasharray:6 4}.m{text-anchor:middle}.e{text-anchor:end}"
            "</style>\n<rect width=\"100%%\" height=\"100%%\" "
            "fill=\"#fff\"/>\n", WIDE, high, WIDE, high, title);
}
// Draw the axes
void frame_bottom(FILE *out, const struct frame *f, const char *what)
{
    double first, step = plot_ticks(&first, f->x0, f->x1, 6), tick;
    double end = f->x1 * 1.000001;
    for (int k = 0; (tick = first + k * step) <= end; k++) {
        double x = frame_across(f, tick);
        fprintf(out, "<line class=\"g\" x1=\"%.1f\" x2=\"%.1f\" "
                "y1=\"%d\" y2=\"%d\"/><text x=\"%.1f\" y=\"%d\" "
                "class=\"m\">%.9g</text>\n", x, x, TOP, HIGH - BOTTOM,
                x, HIGH - BOTTOM + 18, tick);
    }
    fprintf(out, "<text x=\"%d\" y=\"%d\" class=\"m\">%s</text>\n",
            (LEFT + WIDE - RIGHT) / 2, HIGH - 8, what);
}

void frame_level(FILE *out, const struct frame *f, double y,
                 bool reference)
{
    double at = frame_down(f, y);
    fprintf(out, "<line class=\"%c\" x1=\"%d\" x2=\"%d\" "
            "y1=\"%.1f\" y2=\"%.1f\"/><text x=\"%d\" y=\"%.1f\" "
            "class=\"e\">%.9g</text>\n", reference ? 'o' : 'g', LEFT,
            WIDE - RIGHT, at, at, LEFT - 8, at + 4, y);
}
// Draw a curve
void frame_widen(struct frame *f, const struct points *p)
{
    for (size_t i = 0; i < p->count; i++) {
        double y = height(f, p->y[i]);
        f->x1 = fmax(f->x1, p->x[i]);
        if (!isfinite(y))
            continue;
        f->y0 = fmin(f->y0, y);
        f->y1 = fmax(f->y1, y);
    }
}

void frame_curve(FILE *out, const struct frame *f,
                 const struct points *p, size_t number,
                 const char *style)
{
    fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" %spoints=\"",
            frame_colour[number % COLOURS], style);
    for (size_t i = 0; i < p->count; i++)
        if (isfinite(height(f, p->y[i])))
            fprintf(out, "%.1f,%.1f ", frame_across(f, p->x[i]),
                    frame_down(f, p->y[i]));
    fprintf(out, "\"/>\n");
}
