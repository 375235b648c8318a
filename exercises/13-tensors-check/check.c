#include <stdio.h>
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
    { "a shape that is too large for its bytes",
      "the shape and the bytes disagree", 8, 1,
      { { "a", 0, 2, { 2, 2 }, 0, 8 } } },
    { "dimensions whose product wraps around to 0",
      "the product of the shape wraps around", 0, 1,
      { { "a", 0, 2, { (size_t)1 << 32, (size_t)1 << 32 }, 0, 0 } } },
    { "bytes that wrap around to 8",
      "the product of the shape wraps around", 8, 1,
      { { "a", 0, 1, { ((size_t)1 << 62) + 2 }, 0, 8 } } },
};

static void try(const struct trial *l)
{
    struct message m = { 0, "" };
    struct entry list[3];
    memcpy(list, l->list, sizeof list);
    for (size_t i = 0; i < 3; i++)
        list[i].type = &float32;
    struct safetensors s = { .file = "lab.safetensors", .list = list,
                             .used = l->used, .bytes = l->bytes };
    bool good = false;
    lab_input("s", &s, sizeof s);
    lab_input("s->list", list, sizeof list);
    lab_output(&good, sizeof good);
    lab_output(&m, sizeof m);
    lab_call(good = safetensors_check(&s, &m));
    m.text[sizeof m.text - 1] = '\0';
    if (l->mistake == NULL)
        lab_true(l->what, good, "this layout is good, but was refused: "
                 "%s", m.text);
    else if (lab_true(l->what, !good, "accepted: %s", l->mistake))
        lab_true("  and a reason was given", m.status != 0,
                 "refuse() was not called");
}

// Drawn layouts of the lab
enum { DRAWN = 600, MOST = 3 };
static struct drawn {
    size_t used, bytes;
    struct entry list[MOST];
} drawn[DRAWN];

static size_t draw(uint64_t stream, size_t below)
{
    static uint64_t i;
    return (size_t)random_below(lab_seed(13), stream, i++, below);
}

static void draw_layout(struct drawn *l)
{
    l->used = draw(1, MOST + 1);
    l->bytes = 0;
    for (size_t i = 0; i < l->used; i++) {
        struct entry *e = &l->list[i];
        size_t numbers = 1;
        *e = (struct entry){ "a", &float32, draw(2, 3), { 0 },
                             l->bytes, 0 };
        for (size_t k = 0; k < e->rank; k++)
            numbers *= e->shape[k] = 1 + draw(3, 3);
        e->end = l->bytes += 4 * numbers;
    }
}
static void spoil(struct drawn *l)
{
    struct entry *e = &l->list[draw(4, MOST)];
    size_t *places[] = { &l->bytes, &e->end, &e->begin, &e->shape[0] };
    size_t *place = places[draw(5, 4)];
    *place += draw(6, 2) && *place > 0 ? (size_t)-1 : 1 + draw(7, 3);
    for (size_t i = 1; i < l->used; i++)
        if (l->list[i].begin < l->list[i - 1].begin)
            draw_layout(l);
}

static bool is_good(const struct drawn *l)
{
    size_t at = 0;
    for (size_t i = 0; i < l->used; i++) {
        const struct entry *e = &l->list[i];
        size_t bytes = 4;
        for (size_t k = 0; k < e->rank; k++)
            bytes *= e->shape[k];
        if (e->begin != at || e->end < at || e->end - at != bytes)
            return false;
        at = e->end;
    }
    return at == l->bytes;
}
static void try_drawn(void)
{
    static bool good[DRAWN];
    size_t wrong = 0;
    struct message m;
    for (size_t i = 0; i < DRAWN; i++) {
        draw_layout(&drawn[i]);
        if (draw(8, 2))
            spoil(&drawn[i]);
    }
    lab_input("s->list", drawn, sizeof drawn);
    lab_output(good, sizeof good);
    lab_call(
        for (size_t i = 0; i < DRAWN; i++)
            good[i] = safetensors_check(&(struct safetensors){
                .file = "lab.safetensors", .list = drawn[i].list,
                .used = drawn[i].used, .bytes = drawn[i].bytes }, &m));
    while (wrong < DRAWN && good[wrong] == is_good(&drawn[wrong]))
        wrong++;
    // Say which drawn layout is judged wrongly
    char text[200] = "";
    const struct drawn *l = &drawn[wrong % DRAWN];
    for (size_t i = 0, used = 0; i < l->used; i++)
        used += (size_t)snprintf(text + used, sizeof text - used,
            ", [%zu,%zu] (rank %zu) from %zu to %zu", l->list[i].shape[0],
            l->list[i].shape[1], l->list[i].rank, l->list[i].begin,
            l->list[i].end);
    lab_true("drawn layouts", wrong == DRAWN, "%s: %zu bytes of data%s",
             is_good(l) ? "refused, though good" : "accepted", l->bytes,
             text);
}

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    lab_begin("Validate the header");
    for (size_t i = 0; i < sizeof trial / sizeof *trial; i++)
        try(&trial[i]);
    try_drawn();
    return lab_end();
}
