#include <math.h>
#include <stdio.h>
#include "checkpoint/durable.h"
#include "plot/decades.h"
#include "plot/frame.h"

// Write a picture of decades
bool decades_write(const char *path, const char *across,
                   const struct curve *curve, size_t curves,
                   struct message *m)
{
    struct durable file;
    FILE *out = durable_text(&file, path, m);
    if (!out)
        return false;
    struct frame f = { 0, 1, 0, 1, true };
    for (size_t k = 0; k < curves; k++)
        frame_widen(&f, &curve[k].points);
    int low = (int)floor(f.y0), high = (int)ceil(f.y1);
    int each = (high - low + 11) / 12;
    f.y0 = low;
    f.y1 = high;
    frame_begin(out, "Gains", HIGH);
    frame_bottom(out, &f, across);
    for (int k = low; k <= high; k += each)
        frame_level(out, &f, pow(10, k), k == 0);
    for (size_t k = 0; k < curves; k++) {
        frame_curve(out, &f, &curve[k].points, k,
                    "stroke-width=\"2\" ");
        fprintf(out, "<text x=\"%d\" y=\"%d\" fill=\"%s\">%s</text>\n",
                WIDE - RIGHT + 6, TOP + 14 + 16 * (int)k,
                frame_colour[k % COLOURS], curve[k].name);
    }
    fprintf(out, "</svg>\n");
    return durable_commit(&file, m);
}
