#include "readable.h"
#include "support/fill.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

// Readable arrays
static double *room_for(size_t count)
{
    return (double *)test_reals(count * sizeof(double) / sizeof(real));
}

static void zero(double *x, size_t count)
{
    memset(x, 0, count * sizeof *x);
}

/* where a parameter of sublayer i, or of the whole model, begins */
static size_t place(const struct readable *r, size_t i,
                    const char *name)
{
    char all[64];
    snprintf(all, sizeof all, "sublayer.%zu.%s", i, name);
    return parameter_find(&r->model->parameters,
                          i == r->sublayers ? name : all)->offset;
}

void readable_scatter(struct model *m)
{
    for (size_t i = 0; i < m->parameters.used; i++) {
        const struct parameter *p = &m->parameters.list[i];
        real *w = reals(m->weights) + p->offset;
        bool matrix = p->rows > 1 && strcmp(p->name, "embedding") != 0;
        fill_normal(w, p->count, 100 + i, p->rows == 1 ? 0.2
                    : matrix ? 1.5 / sqrt((double)p->columns) : 1);
        for (size_t k = 0; p->rows == 1 && k < p->count; k++)
            w[k] += 1;
    }
}

struct readable readable_of(const struct model *m, size_t tokens)
{
    const struct configuration *c = &m->configuration;
    size_t C = c->width, H = configuration_hidden(c), T = tokens;
    struct readable r = { .model = m, .tokens = T, .width = C,
        .hidden = H, .words = c->vocabulary, .heads = c->heads,
        .sublayers = m->sublayers };
    size_t most = H + 3 * C + r.words, count = m->parameters.count;
    r.weight = room_for(count);
    r.gradient = room_for(count);
    for (size_t i = 0; i < count; i++)
        r.weight[i] = (double)reals(m->weights)[i];
    r.site = (struct readable_site *)room_for((r.sublayers + 1) * 8);
    for (size_t i = 0; i <= r.sublayers; i++)
        r.site[i] =
            (struct readable_site){ room_for(T * C), room_for(T),
            room_for(T * C), room_for(T * C), room_for(r.heads * T * T),
            room_for(T * most), room_for(T * most),
                room_for(T * most) };
    r.logits = room_for(T * r.words);
    r.turned = room_for(most * most);
    for (size_t i = 0; i < 3; i++)
        r.d[i] = room_for(T * most);
    return r;
}

// Readable products
/* c [m][n] += a b, with a's element i, p at i row + p column */
static void add_product(double *c, const double *a, size_t row,
                        size_t column, const double *b, size_t m,
                        size_t k, size_t n)
{
    #pragma omp parallel for
    for (size_t i = 0; i < m; i++)
        for (size_t p = 0; p < k; p++)
            for (size_t j = 0; j < n; j++)
                c[i * n + j] += a[i * row + p * column] * b[p * n + j];
}

static void linear(double *y, const struct readable *r, const double *x,
                   size_t at, size_t out, size_t in)
{
    for (size_t o = 0; o < out; o++)
        for (size_t i = 0; i < in; i++)
            r->turned[i * out + o] = r->weight[at + o * in + i];
    zero(y, r->tokens * out);
    add_product(y, x, in, 1, r->turned, r->tokens, in, out);
}

/* dx += */
static void linear_back(double *dx, const struct readable *r,
                        const double *dy, const double *x, size_t at,
                        size_t out, size_t in)
{
    add_product(dx, dy, out, 1, r->weight + at, r->tokens, out, in);
    add_product(r->gradient + at, dy, 1, out, x, out, r->tokens, in);
}

// A readable norm
static void norm(const struct readable *r, struct readable_site *s,
                 const double *gain)
{
    size_t C = r->width;
    for (size_t t = 0; t < r->tokens; t++) {
        double square = 0;
        for (size_t c = 0; c < C; c++)
            square += pow(s->stream[t * C + c], 2) / (double)C;
        s->scale[t] = 1 / sqrt(square + 1e-6);
        for (size_t c = 0; c < C; c++)
            s->normed[t * C + c] = gain[c] * s->stream[t * C + c]
                                 * s->scale[t];
    }
}

/* dx += */
static void norm_back(double *dx, const struct readable *r,
                      const double *dy, const struct readable_site *s,
                      size_t at)
{
    size_t C = r->width;
    const double *gain = r->weight + at;
    for (size_t t = 0; t < r->tokens; t++) {
        double along = 0, scale = s->scale[t];
        const double *d = dy + t * C, *x = s->stream + t * C;
        for (size_t c = 0; c < C; c++)
            along += gain[c] * d[c] * x[c] * scale / (double)C;
        for (size_t c = 0; c < C; c++) {
            dx[t * C + c] += scale * (gain[c] * d[c]
                                      - along * x[c] * scale);
            r->gradient[at + c] += d[c] * x[c] * scale;
        }
    }
}

// Readable attention
static void rotate(double *rows, const struct readable *r, double sign)
{
    size_t C = r->width, size = C / r->heads, half = size / 2;
    for (size_t t = 0; t < r->tokens; t++)
        for (size_t i = 0; i < 2 * r->heads * half; i++) {
            double *x = rows + t * 3 * C + i / half * size + i % half;
            double step = -(double)(i % half) / (double)half;
            double angle = sign * (double)t * pow(10000, step);
            double a = x[0], b = x[half];
            x[0] = a * cos(angle) - b * sin(angle);
            x[half] = a * sin(angle) + b * cos(angle);
        }
}

static double dot(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t c = 0; c < count; c++)
        sum += a[c] * b[c];
    return sum;
}

/* out += by x */
static void add(double *out, double by, const double *x, size_t count)
{
    for (size_t c = 0; c < count; c++)
        out[c] += by * x[c];
}

static void attention(const struct readable *r,
                      const struct readable_site *s, size_t i)
{
    size_t T = r->tokens, C = r->width, size = C / r->heads;
    linear(s->a, r, s->normed, place(r, i, "attention.qkv"), 3 * C, C);
    rotate(s->a, r, 1);
    zero(s->inside, T * C);
    for (size_t k = 0; k < r->heads * T; k++) {
        size_t head = k / T * size, t = k % T;
        const double *q = s->a + t * 3 * C + head;
        const double *keys = s->a + C + head;
        double *p = s->p + k * T, most = -INFINITY, sum = 0;
        for (size_t j = 0; j <= t; j++) {
            p[j] = dot(q, keys + j * 3 * C, size) / sqrt((double)size);
            most = fmax(most, p[j]);
        }
        for (size_t j = 0; j <= t; j++)
            sum += p[j] = exp(p[j] - most);
        for (size_t j = 0; j <= t; j++)
            add(s->inside + t * C + head, p[j] /= sum,
                keys + C + j * 3 * C, size);
    }
    linear(s->answer, r, s->inside, place(r, i, "attention.out"), C, C);
}

/* dnormed += */
static void attention_back(double *dnormed, const struct readable *r,
                           const double *danswer,
                           const struct readable_site *s, size_t i)
{
    size_t T = r->tokens, C = r->width, size = C / r->heads;
    double *dinside = r->d[0], *drows = r->d[1], ds[T];
    zero(dinside, T * C);
    zero(drows, T * 3 * C);
    linear_back(dinside, r, danswer, s->inside,
                place(r, i, "attention.out"), C, C);
    for (size_t k = 0; k < r->heads * T; k++) {
        size_t head = k / T * size, t = k % T, step = 3 * C;
        const double *q = s->a + head, *p = s->p + k * T;
        const double *d = dinside + t * C + head;
        double *dq = drows + head, along = 0;
        for (size_t j = 0; j <= t; j++) {
            ds[j] = dot(d, q + j * step + 2 * C, size);
            along += p[j] * ds[j];
        }
        for (size_t j = 0; j <= t; j++) {
            double by = p[j] * (ds[j] - along) / sqrt((double)size);
            add(dq + t * step, by, q + j * step + C, size);
            add(dq + j * step + C, by, q + t * step, size);
            add(dq + j * step + 2 * C, p[j], d, size);
        }
    }
    rotate(drows, r, -1);
    linear_back(dnormed, r, drows, s->normed,
                place(r, i, "attention.qkv"), 3 * C, C);
}

// A readable feedforward
static void feedforward(const struct readable *r,
                        const struct readable_site *s, size_t i)
{
    size_t C = r->width, H = r->hidden;
    size_t both = place(r, i, "feedforward.gate_up");
    linear(s->a, r, s->normed, both, H, C);
    linear(s->b, r, s->normed, both + H * C, H, C);
    for (size_t k = 0; k < r->tokens * H; k++)
        s->inside[k] = s->a[k] / (1 + exp(-s->a[k])) * s->b[k];
    linear(s->answer, r, s->inside, place(r, i, "feedforward.down"),
           C, H);
}

/* dnormed += */
static void feedforward_back(double *dnormed, const struct readable *r,
                             const double *danswer,
                             const struct readable_site *s, size_t i)
{
    size_t C = r->width, H = r->hidden;
    double *dgate = r->d[0], *dup = r->d[1];
    zero(dgate, r->tokens * H);
    linear_back(dgate, r, danswer, s->inside,
                place(r, i, "feedforward.down"), C, H);
    for (size_t k = 0; k < r->tokens * H; k++) {
        double d = dgate[k], g = s->a[k], gate = 1 / (1 + exp(-g));
        dup[k] = d * g * gate;
        dgate[k] = d * s->b[k] * gate * (1 + g * (1 - gate));
    }
    size_t both = place(r, i, "feedforward.gate_up");
    linear_back(dnormed, r, dgate, s->normed, both, H, C);
    linear_back(dnormed, r, dup, s->normed, both + H * C, H, C);
}

// The readable model
void readable_forward(struct readable *r, const token *input,
                      size_t tokens)
{
    size_t C = r->width, exit = r->sublayers;
    r->tokens = tokens;
    for (size_t t = 0; t < tokens; t++)
        memcpy(r->site[0].stream + t * C,
               r->weight + place(r, exit, "embedding")
               + (size_t)input[t] * C, C * sizeof(double));
    for (size_t i = 0; i <= exit; i++) {
        struct readable_site *s = &r->site[i];
        norm(r, s, r->weight + place(r, i, "norm"));
        if (i == exit)
            break;
        (i % 2 == 0 ? attention : feedforward)(r, s, i);
        memcpy(s[1].stream, s->stream, tokens * C * sizeof(double));
        add(s[1].stream, 1, s->answer, tokens * C);
    }
    linear(r->logits, r, r->site[exit].normed, place(r, exit, "head"),
           r->words, C);
}

double readable_nats(const struct readable *r, size_t t, token target)
{
    const double *row = r->logits + t * r->words;
    double sum = 0;
    for (size_t v = 0; v < r->words; v++)
        sum += exp(row[v]);
    return log(sum) - row[target];
}

void readable_backward(struct readable *r, const token *input,
                       const token *target, double scale)
{
    size_t T = r->tokens, C = r->width, V = r->words;
    size_t exit = r->sublayers;
    double *dlogits = r->d[0], *dstream = room_for(T * C);
    for (size_t t = 0; t < T; t++) {
        const double *row = r->logits + t * V;
        double all = readable_nats(r, t, 0) + row[0];
        for (size_t v = 0; v < V; v++)
            dlogits[t * V + v] = scale * (exp(row[v] - all)
                                          - ((size_t)target[t] == v));
    }
    zero(r->d[2], T * C);
    linear_back(r->d[2], r, dlogits, r->site[exit].normed,
                place(r, exit, "head"), V, C);
    for (size_t i = exit; ; i--) {
        norm_back(dstream, r, r->d[2], &r->site[i],
                  place(r, i, "norm"));
        if (i == 0)
            break;
        zero(r->d[2], T * C);
        (i % 2 == 1 ? attention_back : feedforward_back)
            (r->d[2], r, dstream, &r->site[i - 1], i - 1);
    }
    double *rows = r->gradient + place(r, exit, "embedding");
    for (size_t t = 0; t < T; t++)
        add(rows + (size_t)input[t] * C, 1, dstream + t * C, C);
}
