#include "device/sixteen.h"
#include "array/narrow.h"
#include "boundary/chunks.h"
#include "ground/slices.h"
#include "layers/attention.h"
#include "layers/embedding.h"
#include "layers/feedforward.h"
#include "layers/matmul.h"
#include "layers/onednn.h"
// More headers of the cpu in sixteen bits
#include "layers/image.h"
#include <omp.h>
#include <sysexits.h>

enum { CHUNK = 128,             /* tokens, where not all at once */
       WORTH_THREADS = 32768 }; /* numbers */

// Open the cpu in sixteen bits
bool sixteen_open(struct device *d, struct message *m)
{
    if (sizeof(real) != sizeof(float))
        return fail(m, EX_USAGE, "precision: bf16 is not in this "
                    "program, which computes in double");
    onednn_chosen(true);
    device_single(d);
    d->format[WORKING] = d->format[STREAM] = BF16;
    d->format[ACTIVATION] = d->format[GRADIENT] = BF16;
    d->format[OPERAND] = BF16;
    d->does = &cpu_sixteen_operations;
    return true;
}

// Widen and narrow many
static void widen_rows(real *to, struct array from)
{
    size_t width = from.columns;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < from.rows; t++)
        widen(to + t * width, from, t * width, width);
}

static void narrow_rows(struct array to, const real *from)
{
    size_t width = to.columns;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < to.rows; t++)
        narrow(to, t * width, from + t * width, width);
}

// Move sixteen bits
void sixteen_upload(struct device *d, struct array to, const void *host)
{
    (void)d;
    if (to.role != TOKEN && to.role != SUM)
        narrow(to, 0, host, to.rows * to.columns);
    else
        memcpy(to.at, host, array_bytes(to));
}

void sixteen_download(struct device *d, void *host, struct array from)
{
    (void)d;
    if (from.role != TOKEN && from.role != SUM)
        widen(host, from, 0, from.rows * from.columns);
    else
        memcpy(host, from.at, array_bytes(from));
}

void sixteen_copy(struct device *d, struct array to, struct array from)
{
    size_t count = to.rows * to.columns;
    (void)d;
    if (to.format == from.format) {
        memcpy(to.at, from.at, array_bytes(to));
        return;
    }
    if (to.role != WORKING) {
        if (from.format == REAL_FORMAT)
            narrow_rows(to, reals(from));
        else
            widen_rows(reals(to), from);
        return;
    }
    #pragma omp parallel for schedule(static)
    for (size_t k = 0; k < SLICES; k++) {   /* weights are one row */
        struct slice s = slice_of(k, SLICES, count);
        narrow(to, s.begin, reals(from) + s.begin, s.end - s.begin);
    }
}

// Products of sixteen bits
/* c = op(a) op(b), or +=, cut into slices of the rows of c. a and b
   become operands: bf16 for oneDNN, floats of bf16 for OpenBLAS. */
struct product {
    struct array c, a, b;
    bool transpose_a, transpose_b, add;
};

static enum format operand_format(void)
{
    return onednn_chosen(true) ? BF16 : REAL_FORMAT;
}

/* room that a product takes: of all threads, of each */
struct room { size_t b, a, c, scratch, each, all; };

static size_t aligned(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

// Prepare the slices of a product
/* bytes of so many numbers of a as an operand, if it is none */
static size_t operand_bytes(struct array a, size_t count)
{
    if (a.format == BF16 && onednn_chosen(true))
        return 0;
    return aligned(count * format_bytes(operand_format()));
}

/* how slice s of the rows of c is multiplied, by oneDNN */
static const struct onednn *prepare(const struct product *p, size_t m)
{
    return onednn_prepare((struct onednn_shape){
        .m = m, .n = p->c.columns,
        .k = p->transpose_a ? p->a.rows : p->a.columns,
        .row_a = p->a.columns, .row_b = p->b.columns,
        .row_c = p->c.columns, .transpose_a = p->transpose_a,
        .transpose_b = p->transpose_b, .sixteen = true,
        .c_sixteen = p->c.format == BF16, .add = p->add });
}

static struct room room_of(const struct product *p, size_t most,
                           const struct onednn *of[2])
{
    struct room r = { .b = operand_bytes(p->b,
                                         p->b.rows * p->b.columns) };
    size_t a = p->transpose_a ? p->a.rows : most;
    r.a = operand_bytes(p->a, a * p->a.columns);
    if (!onednn_chosen(true) && p->c.format == BF16)
        r.c = aligned(most * p->c.columns * sizeof(real));
    for (size_t i = 0; i < 2; i++)
        if (aligned(onednn_scratch(of[i])) > r.scratch)
            r.scratch = aligned(onednn_scratch(of[i]));
    r.each = (p->transpose_a ? 0 : r.a) + r.c + r.scratch;
    r.all = r.b + (p->transpose_a ? r.a : 0)
          + r.each * (size_t)omp_get_max_threads();
    return r;
}

/* rows of a as an operand; itself, if it is one already */
static struct array operand(void *room, struct array a)
{
    size_t count = a.rows * a.columns;
    if (a.format == BF16 && onednn_chosen(true))
        return a;
    struct array to = { .at = room, .rows = a.rows,
        .columns = a.columns, .role = a.role,
        .format = operand_format() };
    if (to.format == BF16) {
        narrow(to, 0, reals(a), count);
        return to;
    }
    widen(room, a, 0, count);
    if (a.format != BF16)
        bf16_settle(room, count);
    return to;
}

static struct array operand_rows(void *room, struct array a)
{
    if (a.format == BF16 && onednn_chosen(true))
        return a;
    struct array to = { .at = room, .rows = a.rows,
        .columns = a.columns, .role = a.role,
        .format = operand_format() };
    #pragma omp parallel for if (a.rows * a.columns > WORTH_THREADS)
    for (size_t t = 0; t < a.rows; t++)
        operand(array_rows(to, t, 1).at, array_rows(a, t, 1));
    return to;
}

// Multiply slices
static bool multiply_slice(const struct product *p, struct slice s,
                           struct array a, struct array b,
                           unsigned char *mine, const struct room *r,
                           const struct onednn *by)
{
    size_t m = s.end - s.begin, n = p->c.columns;
    size_t k = p->transpose_a ? p->a.rows : p->a.columns;
    struct array c = array_rows(p->c, s.begin, m);
    const void *first = p->transpose_a
        ? (void *)((uintptr_t)a.at + s.begin * format_bytes(a.format))
        : a.at;
    if (by != NULL)
        return onednn_run(by, c.at, first, b.at, mine);
    real *wide = r->c > 0 ? (real *)(void *)mine : reals(c);
    if (r->c > 0 && p->add)
        widen(wide, c, 0, m * n);
    matmul_serial(p->transpose_a, p->transpose_b, m, n, k, 1, first,
                  p->a.columns, reals(b), p->b.columns, p->add, wide,
                  n);
    if (r->c > 0)
        narrow(c, 0, wide, m * n);
    return true;
}

// Prepare an image
static struct array image_in(struct device *d, void *room,
                             struct array a, struct fp8_blocks b)
{
    d->eight.stored += a.rows * a.columns;
    d->eight.saturated += image_make(room, a.at, a.rows, a.columns, b);
    a.at = room;
    return a;
}

static void multiply(struct device *d, struct product p)
{
    if (p.c.rows == 0)
        return;
    size_t slices = matmul_slices(p.c.rows);
    struct slice longest = slice_of(0, slices, p.c.rows);
    size_t most = longest.end - longest.begin;
    size_t longer = p.c.rows % slices;      /* slices, if not all */
    const struct onednn *of[2] = { NULL, NULL };
    if (onednn_chosen(true)) {
        of[1] = prepare(&p, p.c.rows / slices);
        of[0] = longer == 0 ? of[1] : prepare(&p, most);
        of[1] = prepare(&p, p.c.rows / slices);     /* still there? */
        if (of[0] == NULL || of[1] == NULL)
            device_fail(d, EX_SOFTWARE, "oneDNN: no such product");
    }
    struct room r = room_of(&p, most, of);
    size_t images = 0;
    // Ask for room for images
    bool eight = d->eight.products && p.a.role != EXACT
              && p.c.role != EXACT;
    size_t image_a = aligned(eight ? array_bytes(p.a) : 0);
    size_t image_b = aligned(eight ? array_bytes(p.b) : 0);
    images = image_a + image_b;
    unsigned char *room = device_scratch(d, images + r.all);
    if (room == NULL || d->trouble.status != 0)
        return;
    // Put images in the places of factors
    if (eight) {
        struct fp8_blocks row = { 1, 128 }, square = { 128, 128 };
        struct fp8_blocks column = { 128, 1 };
        p.a = image_in(d, room, p.a, p.transpose_a ? column : row);
        p.b = image_in(d, room + image_a, p.b,
                       p.transpose_a ? column : square);
        room += images;
    }
    // Multiply the slices, each in its room
    struct array b = operand_rows(room, p.b), whole = p.a;
    room += r.b;
    if (p.transpose_a) {
        whole = operand_rows(room, p.a);
        room += r.a;
    }
    bool good = true;
    #pragma omp parallel for schedule(dynamic) reduction(&& : good) \
        if (slices > 1)
    for (size_t i = 0; i < slices; i++) {
        struct slice s = slice_of(i, slices, p.c.rows);
        unsigned char *mine = room
            + (size_t)omp_get_thread_num() * r.each;
        struct array a = whole;
        if (!p.transpose_a) {
            a = operand(mine, array_rows(p.a, s.begin, s.end - s.begin));
            mine += r.a;
        }
        good = multiply_slice(&p, s, a, b, mine, &r, of[i >= longer])
            && good;
    }
    if (!good)
        device_fail(d, EX_SOFTWARE, "oneDNN: a product failed");
}

// The three products in sixteen bits
/* as many rows as the result has */
void sixteen_product(struct device *d, struct array y, struct array x,
                     struct array w)
{
    multiply(d, (struct product){ y, array_rows(x, 0, y.rows), w,
                                  .transpose_b = true });
}

void sixteen_product_input(struct device *d, struct array dx,
                           struct array dy, struct array w, bool add)
{
    multiply(d, (struct product){ dx, array_rows(dy, 0, dx.rows), w,
                                  .add = add });
}

void sixteen_product_weight(struct device *d, struct array dw,
                            struct array dy, struct array x)
{
    bool ready = onednn_chosen(true) && dy.format == BF16
              && x.format == BF16;
    size_t most = ready ? dy.rows : 4 * CHUNK, rows;
    for (size_t t = 0; t < dy.rows; t += rows) {
        rows = dy.rows - t < most ? dy.rows - t : most;
        multiply(d, (struct product){ dw, array_rows(dy, t, rows),
            array_rows(x, t, rows), .transpose_a = true, .add = true });
    }
}

// Rows in sixteen bits
void sixteen_embed(struct device *d, struct array out, struct array id,
                   struct array w)
{
    size_t C = out.columns;
    (void)d;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < out.rows; t++)
        narrow(out, t * C, reals(w) + (size_t)tokens_of(id)[t] * C, C);
}

void sixteen_embed_backward(struct device *d, struct array dw,
                            struct array dout, struct array id)
{
    size_t C = dout.columns;
    size_t most = dout.rows < CHUNK ? dout.rows : CHUNK;
    real *wide = device_scratch(d, most * C * sizeof *wide);
    for (size_t t = 0; wide != NULL && t < dout.rows; t += CHUNK) {
        size_t rest = dout.rows - t, rows = rest < CHUNK ? rest : CHUNK;
        widen_rows(wide, array_rows(dout, t, rows));
        embedding_backward(reals(dw), wide, tokens_of(id) + t, rows, C);
    }
}

/* as many numbers for each thread */
static real *room_for_threads(struct device *d, size_t each)
{
    size_t threads = (size_t)omp_get_max_threads();
    return device_scratch(d, threads * each * sizeof(real));
}

// The gate in sixteen bits
void sixteen_gate(struct device *d, struct array hidden,
                  struct array gate_up)
{
    size_t H = hidden.columns;
    real *room = room_for_threads(d, 3 * H);
    if (room == NULL)
        return;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < hidden.rows; t++) {
        real *gate = room + (size_t)omp_get_thread_num() * 3 * H;
        real *up = gate + H, *out = up + H;
        widen(gate, gate_up, t * 2 * H, 2 * H);
        feedforward_forward(out, gate, up, H);
        narrow(hidden, t * H, out, H);
    }
}


void sixteen_gate_backward(struct device *d, struct array dgate_up,
                           struct array dhidden, struct array gate_up)
{
    size_t H = dhidden.columns;
    real *room = room_for_threads(d, 5 * H);
    if (room == NULL)
        return;
    #pragma omp parallel for schedule(static)
    for (size_t t = 0; t < dhidden.rows; t++) {
        real *gate = room + (size_t)omp_get_thread_num() * 5 * H;
        real *up = gate + H, *dout = up + H, *dgate = dout + H;
        widen(gate, gate_up, t * 2 * H, 2 * H);
        widen(dout, dhidden, t * H, H);
        feedforward_backward(dgate, dgate + H, dout, gate, up, H);
        narrow(dgate_up, t * 2 * H, dgate, 2 * H);
    }
}

// Attention in sixteen bits
/* One head of one sequence, alone, in floats */
struct head {
    struct attention_shape shape;
    size_t keys, width, size;       /* of all heads, of one */
    size_t sequence, number;
    real *qkv, *dqkv, *out, *dout, *lse, *scratch;
};

static size_t room_of_a_head(const struct attention_shape *s)
{
    struct attention_shape one = *s;
    one.sequences = one.heads = 1;
    size_t keys = s->first + s->length;
    size_t threads = (size_t)omp_get_max_threads();
    size_t own = attention_scratch(&one) / threads;
    return 6 * keys * s->head_size
         + s->length * (2 * s->head_size + 1) + own;
}

static struct head head_alone(real *room, size_t task,
                              const struct attention_shape *s)
{
    struct head h = { .shape = *s, .keys = s->first + s->length,
        .width = s->heads * s->head_size, .size = s->head_size,
        .sequence = task / s->heads, .number = task % s->heads };
    h.shape.sequences = h.shape.heads = 1;
    h.shape.lent = 0;
    h.shape.lent = attention_scratch(&h.shape)
                 / (size_t)omp_get_max_threads();
    h.qkv = room;
    h.dqkv = h.qkv + 3 * h.keys * h.size;
    h.out = h.dqkv + 3 * h.keys * h.size;
    h.dout = h.out + s->length * h.size;
    h.lse = h.dout + s->length * h.size;
    h.scratch = h.lse + s->length;
    return h;
}

/* where position p of part 0, 1 or 2 of this head stands */
static size_t place(const struct head *h, size_t p, size_t part)
{
    return ((h->sequence * h->keys + p) * 3 + part) * h->width
         + h->number * h->size;
}

static size_t answer_place(const struct head *h, size_t p)
{
    return (h->sequence * h->shape.length + p) * h->width
         + h->number * h->size;
}

static void widen_head(const struct head *h, struct array qkv)
{
    for (size_t p = 0; p < h->keys; p++)
        for (size_t part = 0; part < 3; part++)
            widen(h->qkv + (p * 3 + part) * h->size, qkv,
                  place(h, p, part), h->size);
}

static real *lse_of(const struct head *h, struct array lse, size_t p)
{
    size_t heads = h->width / h->size;
    size_t row = h->sequence * h->shape.length + p;
    return reals(lse) + row * heads + h->number;
}

/* turns, and leaves the turned where they were */
static void turn_head(const struct head *h, struct array qkv,
                      struct array rotation)
{
    const real *cosine = reals(rotation);
    attention_rotate(h->qkv, cosine, cosine + rotation.columns,
                     &h->shape);
    for (size_t p = h->shape.first; p < h->keys; p++)
        for (size_t part = 0; part < 2; part++) {
            real *turned = h->qkv + (p * 3 + part) * h->size;
            narrow(qkv, place(h, p, part), turned, h->size);
            bf16_settle(turned, h->size);
        }
}

void sixteen_attend(struct device *d, struct array out,
                    struct array lse, struct array qkv,
                    struct array rotation,
                    const struct attention_shape *s)
{
    size_t each = room_of_a_head(s);
    real *room = room_for_threads(d, each);
    if (room == NULL)
        return;
    #pragma omp parallel for schedule(static)
    for (size_t task = 0; task < s->sequences * s->heads; task++) {
        real *mine = room + (size_t)omp_get_thread_num() * each;
        struct head h = head_alone(mine, task, s);
        widen_head(&h, qkv);
        turn_head(&h, qkv, rotation);
        attention_forward(h.out, h.lse, h.qkv, &h.shape, h.scratch);
        for (size_t p = 0; p < s->length; p++) {
            narrow(out, answer_place(&h, p), h.out + p * h.size,
                   h.size);
            *lse_of(&h, lse, p) = h.lse[p];
        }
    }
}

void sixteen_attend_backward(struct device *d, struct array dqkv,
                             struct array dout, struct array out,
                             struct array lse, struct array qkv,
                             struct array rotation,
                             const struct attention_shape *s)
{
    const real *cosine = reals(rotation);
    size_t each = room_of_a_head(s);
    real *room = room_for_threads(d, each);
    if (room == NULL)
        return;
    #pragma omp parallel for schedule(static)
    for (size_t task = 0; task < s->sequences * s->heads; task++) {
        real *mine = room + (size_t)omp_get_thread_num() * each;
        struct head h = head_alone(mine, task, s);
        widen_head(&h, qkv);
        for (size_t p = 0; p < s->length; p++) {
            widen(h.out + p * h.size, out, answer_place(&h, p), h.size);
            widen(h.dout + p * h.size, dout, answer_place(&h, p),
                  h.size);
            h.lse[p] = *lse_of(&h, lse, p);
        }
        attention_backward(h.dqkv, h.dout, h.out, h.lse, h.qkv,
                           &h.shape, h.scratch);
        attention_rotate_back(h.dqkv, cosine,
                              cosine + rotation.columns, &h.shape);
        // Narrow the gradient of the head
        for (size_t p = 0; p < h.keys; p++)
            for (size_t part = 0; part < 3; part++)
                narrow(dqkv, place(&h, p, part),
                       h.dqkv + (p * 3 + part) * h.size, h.size);
    }
}

// Boundaries in sixteen bits
static size_t own_work(const struct site *s)
{
    return s->layout.mix == MIX_NONE ? 0 : boundary_work(&s->layout);
}

static const struct wide wide = {
    boundary_cross, boundary_cross_backward, boundary_enter,
    boundary_enter_backward, own_work, CHUNK, true
    // And more that the cpu has in floats
    , boundary_write
};

static bool at_once(const struct site *from, const struct site *to)
{
    return to->layout.mix != MIX_NONE && from != NULL && !to->apart
        && !to->exit;
}

/* a site whose tokens are seen through a lens only */
static struct site hidden(const struct site *s, const struct lens *lens)
{
    const struct array nothing = { .format = REAL_FORMAT };
    struct site h = *s;
    h.stream = h.answer = h.input = h.normed = nothing;
    h.dstream = h.danswer = h.dnormed = nothing;
    h.lens = lens;
    return h;
}

static void through_a_lens(struct device *d, const struct site *from,
                           const struct site *to,
                           void (*cross)(struct device *,
                                         const struct site *,
                                         const struct site *))
{
    struct lens lens = {
        .stream = from->stream, .answer = from->answer,
        .next = to->stream, .input = to->input,
        .normed = to->normed, .dstream = from->dstream,
        .danswer = from->danswer, .dnext = to->dstream,
        .dnormed = to->dnormed,
        .each = lens_room(&to->layout) };
    // Look through a lens at what was kept only
    if (cross == boundary_cross_backward && to->again)
        lens.next.at = lens.input.at = NULL;
    size_t threads = (size_t)omp_get_max_threads();
    lens.room = room_behind(d, own_work(to), threads * lens.each);
    if (lens.room == NULL)
        return;
    struct site f = hidden(from, &lens), t = hidden(to, &lens);
    cross(d, &f, &t);
}

void sixteen_cross(struct device *d, const struct site *from,
                   const struct site *to)
{
    if (at_once(from, to))
        through_a_lens(d, from, to, boundary_cross);
    else
        chunks_cross(d, from, to, &wide);
}

void sixteen_cross_backward(struct device *d, const struct site *from,
                            const struct site *to)
{
    if (at_once(from, to))
        through_a_lens(d, from, to, boundary_cross_backward);
    else
        chunks_cross_backward(d, from, to, &wide);
}

void sixteen_enter(struct device *d, const struct site *first,
                   struct array vector)
{
    chunks_enter(d, first, vector, &wide);
}

void sixteen_enter_backward(struct device *d, struct array dvector,
                            const struct site *first)
{
    chunks_enter_backward(d, dvector, first, &wide);
}
