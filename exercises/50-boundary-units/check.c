// What a kernel walks over
#include <stddef.h>

enum of { STREAMS, VECTOR, ROW, PHI };
struct walk { enum of of; size_t many; };
#include "ground/random.h"
#include "support/lab.h"
#include <math.h>

double units_moved(const struct walk *walk, size_t walks, size_t n,
                   size_t tokens, size_t width);

enum { MOST = 8, DRAWN = 60 };
struct kernel {
    const char *counted;
    size_t walks;
    struct walk walk[MOST];
    size_t n, tokens, width;
    double units;
};

// Kernels that were counted
enum { COUNTED = 8 };
static struct kernel known[COUNTED] = {
    { "there-apart,4,1024,64,write_kernel,"
      "1,5.844,4.000", 3,
      { { STREAMS, 2 }, { VECTOR, 1 }, { ROW, 20 } },
      0, 0, 0, 0 },
    { "there-apart,4,1024,64,project_kernel,"
      "1,4.188,1.000", 3, { { STREAMS, 1 }, { PHI, 1 }, { ROW, 25 } },
      0, 0, 0, 0 },
    { "there-apart,8,128,128,read_kernel,"
      "1,8.234,1.000", 3, { { STREAMS, 1 }, { VECTOR, 1 }, { ROW, 8 } },
      0, 0, 0, 0 },
    { "there-apart,8,128,128,thread_kernel,"
      "1,1.109,1.109", 2, { { ROW, 64 }, { ROW, 64 } },
      0, 0, 0, 0 },
    { "there,4,512,256,cross_kernel,"
      "1,5.590,5.391", 5, { { STREAMS, 2 }, { VECTOR, 2 }, { ROW, 20 },
        { ROW, 49 }, { PHI, 1 } },
      0, 0, 0, 0 },
    { "tile,2,256,64,back_kernel,"
      "1,7.603,4.031", 8, { { STREAMS, 3 }, { VECTOR, 3 }, { ROW, 17 },
        { ROW, 9 }, { ROW, 6 }, { ROW, 6 }, { ROW, 8 }, { PHI, 1 } },
      0, 0, 0, 0 },
    { "tile,4,512,256,back_kernel,"
      "1,11.160,5.602", 8, { { STREAMS, 3 }, { VECTOR, 3 },
        { ROW, 33 }, { ROW, 25 }, { ROW, 20 }, { ROW, 20 },
        { ROW, 24 }, { PHI, 1 } },
      0, 0, 0, 0 },
    { "back-apart,8,128,128,write_backward_kernel,"
      "1,18.234,10.234", 4,
      { { STREAMS, 3 }, { VECTOR, 2 }, { ROW, 72 }, { ROW, 72 } },
      0, 0, 0, 0 },
};

static void read_line(struct kernel *k)
{
    double read = 0, written = 0;
    if (sscanf(k->counted, "%*[^,],%zu,%zu,%zu,%*[^,],%*u,%lf,"
               "%lf", &k->n, &k->tokens, &k->width, &read, &written)
        == 5)
        k->units = read + written;
}

static struct kernel drawn[DRAWN];
static double got[DRAWN];

// Units as a mistake has them
enum mistake { NONE, NO_SECTORS, WHOLE_SECTORS, WHOLE_ROWS, UNBOUNDED,
               HALF_PHI, FLOATS, ONE_STREAM, MISTAKES };
static const char *const saying[MISTAKES] = { "", ": this looks like "
    "the bytes of a piece, without what else its sectors have",
    ": this looks like pieces that begin where a sector begins",
    ": this looks like whole rows for their pieces",
    ": a piece costs no more than its row",
    ": phi is in floats", ": a unit has two bytes a number",
    ": a walk over streams is one over all n of them" };

static double units_of(const struct kernel *k, enum mistake mistake)
{
    double m = (double)(2 * k->n + k->n * k->n), bytes = 0;
    double vector = 2 * (double)(k->tokens * k->width);
    double row = 4 * (2 * m + 1);
    for (size_t i = 0; i < k->walks; i++) {
        double many = (double)k->walk[i].many;
        double piece = mistake == NO_SECTORS ? 4 * many
                     : mistake == WHOLE_SECTORS ? 32 * ceil(many / 8)
                     : 4 * many + 28;
        if (mistake == WHOLE_ROWS
            || (mistake != UNBOUNDED && piece > row))
            piece = row;
        switch (k->walk[i].of) {
        case STREAMS:
            bytes += many * vector
                   * (mistake == ONE_STREAM ? 1 : (double)k->n);
            break;
        case VECTOR:
            bytes += many * vector;
            break;
        case ROW:
            bytes += (double)k->tokens * piece;
            break;
        default:
            bytes += many * (mistake == HALF_PHI ? 2 : 4) * m
                   * (double)(k->n * k->width);
        }
    }
    return bytes / vector / (mistake == FLOATS ? 2 : 1);
}

// Draw walks
static void draw(void)
{
    for (size_t i = 0; i < DRAWN; i++) {
        struct kernel *k = &drawn[i];
        size_t row;
        k->walks = i == 0 ? 0 : 1 + i % MOST;
        k->n = lab_size(10 * i, 1, 8);
        k->tokens = lab_size(10 * i + 1, 1, 20000);
        k->width = 8 * lab_size(10 * i + 2, 1, 1000);
        row = 2 * (2 * k->n + k->n * k->n) + 1;
        for (size_t j = 0; j < k->walks; j++) {
            k->walk[j].of = (enum of)((i + j) % 4);
            k->walk[j].many = k->walk[j].of == ROW
                ? lab_size(10 * i + 3 + j, 1, row)
                : lab_size(10 * i + 3 + j, 1, 4);
        }
        k->units = units_of(k, NONE);
    }
}

static void call(const struct kernel *k, size_t count)
{
    lab_input("walks", k, count * sizeof *k);
    lab_output(got, sizeof got);
    lab_call(for (size_t i = 0; i < count; i++)
                 got[i] = units_moved(k[i].walk, k[i].walks, k[i].n,
                                      k[i].tokens, k[i].width));
}

/* a known mistake, if it is one */
static const char *why(const struct kernel *k, double units)
{
    for (int m = NONE + 1; m < MISTAKES; m++)
        if (fabs(units - units_of(k, (enum mistake)m)) < 1e-9 * units
            && fabs(units - units_of(k, NONE)) > 1e-6 * units)
            return saying[m];
    return "";
}

int main(void)
{
    lab_begin("Count a boundary's units");
    for (size_t i = 0; i < COUNTED; i++)
        read_line(&known[i]);
    call(known, COUNTED);
    for (size_t i = 0; i < COUNTED; i++)
        lab_true(known[i].counted, fabs(got[i] - known[i].units)
                 <= .02 * known[i].units, "%.3f in place of %.3f "
                 "units%s", got[i], known[i].units,
                 why(&known[i], got[i]));
    draw();
    call(drawn, DRAWN);
    size_t wrong = 0;
    while (wrong < DRAWN && fabs(got[wrong] - drawn[wrong].units)
                            <= 1e-6 * drawn[wrong].units)
        wrong++;
    const struct kernel *w = &drawn[wrong < DRAWN ? wrong : 0];
    lab_true("made-up walks", wrong == DRAWN, "%zu walks, %zu streams, "
             "%zu tokens, width %zu: %.6g in place of %.6g units%s",
             w->walks, w->n, w->tokens, w->width, got[w - drawn],
             w->units, why(w, got[w - drawn]));
    return lab_end();
}
