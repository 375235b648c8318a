#include <math.h>
#include <stdio.h>
#include <string.h>
#include "checkpoint/durable.h"
#include "plot/frame.h"
#include "plot/plot.h"
#include "plot/ticks.h"

static const char *const dashes[] = {
    "", "stroke-dasharray=\"7 3\" ", "stroke-dasharray=\"2 3\" "};
static const char *const said[] = { "", " (dashed)", " (dotted)" };
enum { DASHES = sizeof dashes / sizeof *dashes, LINE = 16, LINES = 4 };

// Choose the frame
static struct frame choose_frame(const struct history *run, size_t runs)
{
    struct frame f = {0, 1, 1e30, -1e30, false};
    for (size_t r = 0; r < runs; r++) {
        frame_widen(&f, &run[r].loss);
        frame_widen(&f, &run[r].held_out);
    }
    for (int k = 0; k < 2; k++) {
        double line = k ? run[0].bigram : run[0].unigram;
        f.y0 = line > 0 && line < f.y0 ? line : f.y0;
        f.y1 = line > f.y1 ? line : f.y1;
    }
    bool flat = f.y1 - f.y0 <= 1e-6 * fabs(f.y1);
    double room = flat ? 1 : .04 * (f.y1 - f.y0);
    f.y0 -= room;
    f.y1 += room;
    return f;
}
// Draw a loss
static void draw_loss(FILE *out, const struct frame *f,
                      const struct points *p, size_t number, bool pale)
{
    char style[96];
    snprintf(style, sizeof style, "stroke-width=\"%s\" "
             "stroke-opacity=\"%s\" %s", pale ? "1" : "2",
             pale ? ".45" : "1", dashes[number / COLOURS % DASHES]);
    frame_curve(out, f, p, number, style);
}
// Draw a line of reference
static void draw_reference(FILE *out, const struct frame *f, double y,
                           const char *what)
{
    double at = frame_down(f, y);
    if (y <= 0)
        return;
    fprintf(out, "<line class=\"o\" x1=\"%d\" x2=\"%d\" "
            "y1=\"%.1f\" y2=\"%.1f\"/>"
            "<text x=\"%d\" y=\"%.1f\">%s %.2f</text>\n", LEFT,
            WIDE - RIGHT, at, at, WIDE - RIGHT + 6, at + 4, what, y);
}
// Say which curve is which
// Choose the name of a run
static bool alone(const struct history *run, size_t runs,
                  const char *path, const char *end)
{
    size_t part = strlen(end);
    for (size_t r = 0; r < runs; r++) {
        size_t length = strlen(run[r].path);
        if (strcmp(run[r].path, path) != 0 && length >= part
            && strcmp(run[r].path + length - part, end) == 0)
            return false;
    }
    return true;
}

static const char *choose_name(const struct history *run,
                               size_t number, size_t runs)
{
    const char *path = run[number].path;
    const char *name = path + strlen(path);
    do
        name--;
    while (name > path
           && (name[-1] != '/' || !alone(run, runs, path, name - 1)));
    return name;
}
static void draw_legend(FILE *out, const struct history *run,
                        size_t number, size_t runs)
{
    enum { SHOWN = 60 };
    const struct points *h = &run[number].held_out;
    const struct points *last = h->count ? h : &run[number].loss;
    const char *name = choose_name(run, number, runs);
    size_t length = strlen(name);
    bool cut = length > SHOWN;
    int top = runs > LINES ? HIGH : TOP;
    fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"%s\" class=\"e\">"
            "%s%s%s %s %.4f</text>\n", WIDE - RIGHT - 6,
            top + 14 + LINE * (int)number,
            frame_colour[number % COLOURS],
            cut ? "..." : "", name + (cut ? length - SHOWN : 0),
            said[number / COLOURS % DASHES],
            h->count ? "held-out" : "training",
            last->y[last->count - 1]);
}
// Draw everything
static void draw(FILE *out, const struct history *run, size_t runs)
{
    struct frame f = choose_frame(run, runs);
    int high = HIGH + (runs > LINES ? LINE * (int)runs + 8 : 0);
    double first, step = plot_ticks(&first, f.y0, f.y1, 6), tick;
    frame_begin(out, "Loss against step", high);
    frame_bottom(out, &f, "step");
    for (int k = 0; (tick = first + k * step) <= f.y1; k++)
        frame_level(out, &f, tick, false);
    fprintf(out, "<text x=\"16\" y=\"14\">nats a byte</text>\n");
    draw_reference(out, &f, run[0].unigram, "unigram");
    draw_reference(out, &f, run[0].bigram, "bigram");
    for (size_t r = 0; r < runs; r++) {
        draw_loss(out, &f, &run[r].loss, r, true);
        draw_loss(out, &f, &run[r].held_out, r, false);
        draw_legend(out, run, r, runs);
    }
    fprintf(out, "</svg>\n");
}

bool plot_write(const char *path, const struct history *run,
                size_t runs, struct message *m)
{
    struct durable file;
    FILE *out = durable_text(&file, path, m);
    if (!out)
        return false;
    draw(out, run, runs);
    return durable_commit(&file, m);
}
