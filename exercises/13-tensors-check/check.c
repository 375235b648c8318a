#include <stdlib.h>
#include <string.h>
#include "checkpoint/safetensors.h"
#include "ground/random.h"
#include "support/lab.h"

// Layouts of the lab
static const struct number_type float32 = { "F32", 4, NULL };
static const struct trial {
    const char *what;
    const char *mistake;        /* NULL: this one is good */
    size_t bytes, used;
    struct entry list[3];
} trial[] = {
    // Good layouts of the lab
    { "one tensor", NULL, 24, 1, { { "a", 0, 2, { 2, 3 }, 0, 24 } } },
    { "two tensors, one after the other", NULL, 36, 2,
      { { "a", 0, 2, { 2, 3 }, 0, 24 }, { "b", 0, 1, { 3 }, 24, 36 } } },
    { "no tensor and no data", NULL, 0, 0, { { 0 } } },
    { "a number without dimensions", NULL, 4, 1,
      { { "a", 0, 0, { 0 }, 0, 4 } } },
    { "a dimension of 0 before two that are large", NULL, 0, 1,
      { { "a", 0, 3, { 0, (size_t)1 << 32, (size_t)1 << 32 }, 0, 0 } } },
    { "empty tensors before, between and after", NULL, 4, 3,
      { { "a", 0, 1, { 0 }, 0, 0 }, { "b", 0, 1, { 1 }, 0, 4 },
        { "c", 0, 2, { 5, 0 }, 4, 4 } } },
    // Bad layouts of the lab
    { "tensors that overlap", "two tensors share bytes", 20, 2,
      { { "a", 0, 1, { 3 }, 0, 12 }, { "b", 0, 1, { 3 }, 8, 20 } } },
    { "the same bytes twice", "two tensors share bytes", 8, 2,
      { { "a", 0, 1, { 2 }, 0, 8 }, { "b", 0, 1, { 2 }, 0, 8 } } },
    { "a hole between two tensors", "bytes that belong to no tensor", 12, 2,
      { { "a", 0, 1, { 1 }, 0, 4 }, { "b", 0, 1, { 1 }, 8, 12 } } },
    { "a hole at the start", "bytes that belong to no tensor", 8, 1,
      { { "a", 0, 1, { 1 }, 4, 8 } } },
    { "bytes after the last tensor", "bytes follow the last tensor", 9, 1,
      { { "a", 0, 1, { 2 }, 0, 8 } } },
    { "data without a tensor", "bytes follow the last tensor", 1, 0,
      { { 0 } } },
    { "a tensor that reaches beyond the data",
      "reading it reads a neighbour's memory", 8, 1,
      { { "a", 0, 1, { 3 }, 0, 12 } } },
    { "a tensor that ends before it begins", "end - begin wraps around",
      4, 1, { { "a", 0, 1, { 1 }, 8, 4 } } },
    { "a shape that is too small for its bytes",
      "the shape and the bytes disagree", 12, 1,
      { { "a", 0, 1, { 2 }, 0, 12 } } },
    { "the first of two has a shape that is too small",
      "the shape and the bytes disagree", 16, 2,
      { { "a", 0, 1, { 2 }, 0, 12 }, { "b", 0, 1, { 1 }, 12, 16 } } },
    { "a shape that is too large for its bytes",
      "the shape and the bytes disagree", 8, 1,
      { { "a", 0, 2, { 2, 2 }, 0, 8 } } },
    { "dimensions whose product wraps around to 0",
      "the product of the shape wraps around", 0, 1,
      { { "a", 0, 2, { (size_t)1 << 32, (size_t)1 << 32 }, 0, 0 } } },
    { "a product that wraps around twice",
      "the product of the shape wraps around", 0, 1,
      { { "a", 0, 4, { (size_t)1 << 32, (size_t)1 << 32,
                       (size_t)1 << 32, (size_t)1 << 32 }, 0, 0 } } },
    { "a dimension of 0 after a product that does not fit",
      "the product before the 0 wraps around", 0, 1,
      { { "a", 0, 3, { (size_t)1 << 32, (size_t)1 << 32, 0 }, 0, 0 } } },
    { "a product that wraps around to more than its factors",
      "the product of the shape wraps around", ((size_t)1 << 35) + 4, 1,
      { { "a", 0, 2, { ((size_t)1 << 32) + 1, ((size_t)1 << 32) + 1 }, 0,
          ((size_t)1 << 35) + 4 } } },
    { "a dimension of 0 after bytes that do not fit",
      "the product before the 0 wraps around", 0, 1,
      { { "a", 0, 2, { (size_t)1 << 62, 0 }, 0, 0 } } },
    { "a dimension of 0 after a much larger product",
      "the product before the 0 wraps around", 0, 1,
      { { "a", 0, 3, { (size_t)1 << 63, (size_t)1 << 63, 0 }, 0, 0 } } },
    { "a size that a double would round",
      "the shape and the bytes disagree", (size_t)1 << 60, 1,
      { { "a", 0, 1, { ((size_t)1 << 58) + 1 }, 0, (size_t)1 << 60 } } },
    { "an end beyond the data, and one before its begin",
      "end - begin wraps around", 4, 2,
      { { "a", 0, 1, { 2 }, 0, 8 },
        { "b", 0, 1, { SIZE_MAX / 4 }, 8, 4 } } },
    { "bytes that wrap around to 8",
      "the product of the shape wraps around", 8, 1,
      { { "a", 0, 1, { ((size_t)1 << 62) + 2 }, 0, 8 } } },
};

static bool try(const struct trial *l)
{
    struct message m = { 0, "" };
    struct entry list[3];
    for (size_t i = 0; i < 3; i++) {
        list[i] = i < l->used ? l->list[i]
                : (struct entry){ "no entry", NULL, 1, { 9 }, 9, 0 };
        list[i].type = &float32;
    }
    struct safetensors s = { .file = "lab.safetensors", .list = list,
                             .used = l->used, .bytes = l->bytes };
    unsigned char good = 2;     /* a bool, if it is true or false */
    lab_input("s", &s, sizeof s);
    lab_input("s->list", list, sizeof list);
    lab_output(&good, sizeof good);
    lab_output(&m, sizeof m);
    lab_call(good = safetensors_check(&s, &m));
    m.text[sizeof m.text - 1] = '\0';
    if (l->mistake == NULL)
        return lab_true(l->what, good == true, "this layout is good, "
                        "but was refused: %s", m.text);
    const struct entry *a = &l->list[0];
    bool sound = a->end <= l->bytes && a->end == 4 * a->shape[0];
    const char *innocent = sound ? "tensor a" : "tensor b";
    if (good == false && l->used == 2 && a->end <= l->bytes
        && strstr(m.text, innocent) != NULL)
        return lab_true(l->what, false, "refused, but it is not %s "
                        "that is to be named", innocent);
    if (good == false && l->used > 0 && l->list[0].end >= l->bytes
        && strstr(m.text, "tensor ") == NULL)
        return lab_true(l->what, false, "refused, but the line "
                        "names no tensor: %s", m.text);
    return lab_true(l->what, good == false && m.status != 0, "%s%s",
                    good == false ? "refused without refuse()"
                                  : "accepted: ",
                    good == false ? "" : l->mistake);
}

// Random layouts
enum { RANDOM = 2000, MOST = 12, RANKS = 8 };
static const struct number_type types[] = {
    { "F16", 2, NULL }, { "F32", 4, NULL }, { "F64", 8, NULL } };

static size_t below(uint64_t i, size_t k, size_t n)
{
    return random_below(lab_seed(13), i, k, n);
}

/* a good one; one of its dimensions may be very large */
static void make(struct safetensors *s, struct entry *e, uint64_t i)
{
    size_t at = 0, used = 1 + below(i, 0, MOST);
    const size_t large = below(i, 1, 20);
    memset(e, 0, (MOST + 1) * sizeof *e);
    for (size_t k = 0; k < used; k++) {
        e[k].name = &"abcdefghijkl"[k];
        e[k].type = &types[below(i, 10 + k, 3)];
        e[k].rank = below(i, 30 + k, RANKS + 1);
        size_t bytes = e[k].type->bytes;
        for (size_t r = 0; r < e[k].rank; r++) {
            e[k].shape[r] = (below(i, 50 + RANKS * k + r, 40) + 9) / 10;
            if (r == 0 && k == large)
                e[k].shape[r] += (size_t)1 << 33;
            bytes *= e[k].shape[r];
        }
        e[k].begin = at;
        e[k].end = at += bytes;
    }
    *s = (struct safetensors){ .file = "lab.safetensors", .list = e,
                               .used = used, .bytes = at };
}

static int by_place(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->begin != y->begin ? (x->begin > y->begin ? 1 : -1)
         : x->end != y->end ? (x->end > y->end ? 1 : -1) : 0;
}

/* perhaps it becomes a bad one */
static void spoil(struct safetensors *s, struct entry *e, uint64_t i)
{
    struct entry *d = e + below(i, 2, s->used);
    size_t *shape = &d->shape[d->rank > 0 ? below(i, 3, d->rank) : 0];
    size_t by = below(i, 6, 2) ? (size_t)1 << 32 : d->type->bytes;
    switch (below(i, 4, 12)) {
    case 0: s->bytes += 1 + below(i, 5, 9); break;
    case 1: d->end += by; break;
    case 2: d->begin += d->type->bytes; break;
    case 3: *shape += d->rank > 0; break;
    case 4:                     /* a hole */
        d->begin += by;
        /* fall through */
    case 7:                     /* no hole, but too many bytes */
        for (d->end += by; ++d < e + s->used; d->end += by)
            d->begin += by;
        s->bytes += by;
        break;
    case 5:                     /* one more, and that is empty */
        d = &e[s->used++];
        *d = (struct entry){ "m", types, 2, { 3, 0 }, 0, 0 };
        d->begin = d->end = below(i, 5, s->bytes + 9);
        break;
    case 6: *shape += d->end > d->begin ? (size_t)1 << 63 : 0; break;
    }
    qsort(e, s->used, sizeof *e, by_place);
}

static bool is_good(const struct safetensors *s)
{
    size_t end = 0;
    for (size_t k = 0; k < s->used; k++) {
        const struct entry *e = &s->list[k];
        double bytes = (double)e->type->bytes;
        for (size_t r = 0; r < e->rank; r++)
            bytes *= (double)e->shape[r];
        if (e->begin != end || (double)e->end != (double)end + bytes)
            return false;
        end = e->end;
    }
    return end == s->bytes;
}

static void try_random(void)
{
    static struct safetensors s[RANDOM];
    static struct entry e[RANDOM][MOST + 1];
    static unsigned char good[RANDOM];
    size_t wrong = RANDOM;
    for (uint64_t i = 0; i < RANDOM; i++) {
        make(&s[i], e[i], i);
        spoil(&s[i], e[i], i);
    }
    lab_input("s->list", e, sizeof e);
    lab_output(good, sizeof good);
    lab_call(
        for (size_t i = 0; i < RANDOM; i++) {
            struct message m = { 0, "" };
            good[i] = safetensors_check(&s[i], &m);
        });
    for (size_t i = 0; i < RANDOM && wrong == RANDOM; i++)
        if (good[i] != is_good(&s[i]))
            wrong = i;
    const struct safetensors *w = &s[wrong % RANDOM];
    const struct entry *last = &w->list[w->used - 1];
    lab_true("random layouts", wrong == RANDOM, "one of %zu tensors is "
             "%s, but was %s; its last one has %zu dimensions of %zu "
             "bytes a number, and lies from %zu to %zu of %zu", w->used,
             is_good(w) ? "good" : "bad", is_good(w) ? "refused"
             : "accepted", last->rank, last->type->bytes, last->begin,
             last->end, w->bytes);
}

int main(void)
{
    lab_begin("Validate the header");
    if (try(&trial[0])) {
        for (size_t i = 1; i < sizeof trial / sizeof *trial; i++)
            try(&trial[i]);
        try_random();
    }
    return lab_end();
}
