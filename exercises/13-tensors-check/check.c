#include <string.h>
#include "checkpoint/safetensors.h"
#include "support/lab.h"

// Layouts of the lab
static const struct number_type float32 = { "F32", 4, NULL };
static const struct layout {
    const char *what;
    const char *mistake;        /* NULL: this one is good */
    size_t bytes, used;
    struct entry list[3];
} layout[] = {
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

static void try(const struct layout *l)
{
    struct message m = { 0, "" };
    struct entry list[3];
    memcpy(list, l->list, sizeof list);
    for (size_t i = 0; i < 3; i++)
        list[i].type = &float32;
    struct safetensors s = { .file = "lab.safetensors", .list = list,
                             .used = l->used, .bytes = l->bytes };
    bool good = false;
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

int main(int argc, char **argv)
{
    (void)argc, (void)argv;
    lab_begin("Validate the header");
    for (size_t i = 0; i < sizeof layout / sizeof *layout; i++)
        try(&layout[i]);
    return lab_end();
}
