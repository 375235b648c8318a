#include "boundary/chunks.h"
#include <omp.h>

/* the floats in which an operation sees arrays of fewer bits */
struct views {
    struct device *device;
    struct view { struct array kept, wide; bool out; } list[12];
    size_t used;
    real *room;                 /* what is left */
};

enum { IN = 1, OUT = 2 };

/* rows of a, as floats: `how` they are wanted, and whether they will
   be changed */
static void look(struct views *v, struct array *a, size_t first,
                 size_t rows, int how)
{
    struct view *w = v->list;
    if (a->at == NULL)
        return;
    *a = array_rows(*a, first, rows);
    if (a->format == REAL_FORMAT)
        return;
    while (w < v->list + v->used && w->kept.at != a->at)
        w++;
    if (w == v->list + v->used) {
        *w = (struct view){ *a, *a, false };
        w->wide.at = v->room;
        w->wide.format = REAL_FORMAT;
        v->used++;
        v->room += rows * a->columns;
        if (how & IN)
            v->device->does->copy(v->device, w->wide, w->kept);
    }
    w->out = w->out || how & OUT;
    *a = w->wide;
}

static void give_back(const struct views *v)
{
    for (size_t i = 0; i < v->used; i++)
        if (v->list[i].out)
            v->device->does->copy(v->device, v->list[i].kept,
                                  v->list[i].wide);
}

// Cross chunk by chunk
/* some tokens of a site, as floats */
static struct site some(struct views *v, const struct site *s,
                        size_t first, size_t rows, int stream)
{
    struct site part = *s;
    part.tokens = rows;
    // Let nothing be made again for some tokens
    part.behind = NULL;
    part.kept = array_rows(s->stream, first, rows);
    look(v, &part.stream, first, rows, stream);
    look(v, &part.coefficients, first, rows, IN);
    return part;
}

static void cross_chunk(struct device *d, const struct wide *by,
                        const struct site *from, const struct site *to,
                        size_t first, size_t rows, real *room)
{
    struct views v = { .device = d, .room = room };
    struct site f = { 0 }, t;
    if (from != NULL) {
        f = some(&v, from, first, rows, IN);
        look(&v, &f.answer, first, rows, IN);
    }
    bool mixed = to->layout.mix != MIX_NONE;    /* or input is stream */
    t = some(&v, to, first, rows, from == NULL ? IN : 0);
    look(&v, &t.input, first, rows, mixed ? OUT : 0);
    look(&v, &t.inverse_rms, first, rows, OUT);
    look(&v, &t.normed, first, rows, OUT);
    t.apart = t.settle = true;
    by->cross(d, from == NULL ? NULL : &f, &t);
    give_back(&v);
}

static void cross_chunk_backward(struct device *d,
                                 const struct wide *by,
                                 const struct site *from,
                                 const struct site *to, size_t first,
                                 size_t rows, real *room)
{
    struct views v = { .device = d, .room = room };
    struct site f = { 0 }, t = some(&v, to, first, rows, IN);
    bool mixed = to->layout.mix != MIX_NONE;
    bool seen = from == NULL || to->apart || (to->exit && mixed);
    look(&v, &t.input, first, rows, IN);
    look(&v, &t.inverse_rms, first, rows, IN);
    look(&v, &t.dnormed, first, rows, IN);
    look(&v, &t.dstream, first, rows, seen ? IN | OUT : IN);
    look(&v, &t.dinput, first, rows, mixed ? OUT : 0);
    look(&v, &t.dcoefficients, first, rows, IN);
    if (from != NULL) {
        f = some(&v, from, first, rows, IN);
        look(&v, &f.answer, first, rows, IN);
        look(&v, &f.dstream, first, rows, OUT);
        look(&v, &f.danswer, first, rows, OUT);
        look(&v, &f.dcoefficients, first, rows, OUT);
    }
    t.apart = t.settle = true;
    by->cross_backward(d, from == NULL ? NULL : &f, &t);
    give_back(&v);
}

real *room_behind(struct device *d, size_t own, size_t count)
{
    own = (own + 255) / 256 * 256;
    unsigned char *all = device_scratch(d, own + count * sizeof(real));
    return all == NULL ? NULL : (real *)(void *)(all + own);
}

/* With one stream, or at the exit, each chunk is one thread's, and so
   is the room it has. What chunks add to the gain's gradient is added
   up at last. */
static void by_chunks(struct device *d, const struct wide *by,
                      const struct site *from, const struct site *to,
                      void (*cross)(struct device *,
                                    const struct wide *,
                                    const struct site *,
                                    const struct site *, size_t first,
                                    size_t rows, real *room))
{
    size_t T = to->tokens, C = to->width, size = by->tokens;
    size_t most = T < size ? T : size;
    size_t chunks = (T + size - 1) / size;
    size_t each = most * (4 * to->streams + 6) * C;
    bool many = (to->layout.mix == MIX_NONE || to->exit) && chunks > 1
             && by->threads;
    bool fold = many && cross == cross_chunk_backward;
    size_t threads = many ? (size_t)omp_get_max_threads() : 1;
    real *room = room_behind(d, by->work(to),
                             threads * each + chunks * C);
    if (room == NULL || d->planning)
        return;
    real *dgain = room + threads * each;
    if (!many) {                    /* the threads share each chunk */
        for (size_t t = 0; t < T; t += size)
            cross(d, by, from, to, t, T - t < size ? T - t : size,
                  room);
        return;
    }
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < T; t += size) {
        struct site own = *to;
        if (fold)
            own.dgain.at = memset(dgain + t / size * C, 0,
                                  C * sizeof *dgain);
        cross(d, by, from, &own, t, T - t < size ? T - t : size,
              room + (size_t)omp_get_thread_num() * each);
    }
    for (size_t k = 0; fold && k < chunks * C; k++)
        reals(to->dgain)[k % C] += dgain[k];
}

void chunks_cross(struct device *d, const struct site *from,
                  const struct site *to, const struct wide *by)
{
    by_chunks(d, by, from, to, cross_chunk);
}

// Make streams again in chunks
static void write_chunk(struct device *d, const struct wide *by,
                        const struct site *from, const struct site *to,
                        size_t first, size_t rows, real *room)
{
    struct views v = { .device = d, .room = room };
    struct site f = some(&v, from, first, rows, IN);
    struct site t = some(&v, to, first, rows, OUT);
    look(&v, &f.answer, first, rows, IN);
    by->write(d, &f, &t);
    give_back(&v);
}

static void make_again(struct device *d, const struct site *s,
                       const struct wide *by)
{
    if (s->behind == NULL)
        return;
    make_again(d, s->behind, by);
    by_chunks(d, by, s->behind, s, write_chunk);
}
void chunks_cross_backward(struct device *d, const struct site *from,
                           const struct site *to,
                           const struct wide *by)
{
    if (to->exit && !d->planning)
        d->does->zero(d, to->dstream);
    // Make again what chunks did not keep
    if (to->again && !d->planning)
        make_again(d, last_again(from, to), by);
    by_chunks(d, by, from, to, cross_chunk_backward);
}

// Enter chunk by chunk
void chunks_enter(struct device *d, const struct site *first,
                  struct array vector, const struct wide *by)
{
    size_t T = first->tokens, size = by->tokens;
    size_t most = T < size ? T : size;
    size_t each = (first->streams + 1) * first->width;
    real *room = room_behind(d, by->work(first), most * each);
    for (size_t t = 0; room != NULL && t < T; t += size) {
        struct views v = { .device = d, .room = room };
        size_t rows = T - t < size ? T - t : size;
        struct array from = vector;
        struct site to = some(&v, first, t, rows, OUT);
        look(&v, &from, t, rows, IN);
        by->enter(d, &to, from);
        give_back(&v);
    }
}

void chunks_enter_backward(struct device *d, struct array dvector,
                           const struct site *first,
                           const struct wide *by)
{
    size_t T = first->tokens, size = by->tokens;
    size_t most = T < size ? T : size;
    size_t each = (first->streams + 1) * first->width;
    real *room = room_behind(d, by->work(first), most * each);
    for (size_t t = 0; room != NULL && t < T; t += size) {
        struct views v = { .device = d, .room = room };
        size_t rows = T - t < size ? T - t : size;
        struct array to = dvector;
        struct site from = *first;
        from.tokens = rows;
        look(&v, &from.dstream, t, rows, IN);
        look(&v, &to, t, rows, OUT);
        by->enter_backward(d, to, &from);
        give_back(&v);
    }
}
