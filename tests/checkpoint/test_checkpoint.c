#include "support/cpu.h"
#include <jansson.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/image.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tiny.h"
#include "ground/memory.h"
#include "layers/matmul.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"

// Files of the tests
static void one_thread(void)
{
    omp_set_num_threads(1);
}

/* The whole of a file of the folder; test_reals keeps it. */
static char *bytes_of(const char *name, size_t *size)
{
    FILE *file = fopen(folder_file(name), "rb");
    ck_assert_ptr_nonnull(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = (char *)test_reals(*size);
    ck_assert_uint_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static void assert_same_file(const char *name, const char *other)
{
    size_t size, other_size;
    char *bytes = bytes_of(name, &size);
    char *other_bytes = bytes_of(other, &other_size);
    ck_assert_uint_eq(size, other_size);
    ck_assert(memcmp(bytes, other_bytes, size) == 0);
}

static void save(const char *name, const struct trainer *t)
{
    struct message m = { 0, "" };
    ck_assert_msg(checkpoint_write(folder_file(name), t, &m), "%s",
                  m.text);
}

static void load(struct trainer *t, const char *name)
{
    struct message m = { 0, "" };
    ck_assert_msg(tiny_read(t, folder_file(name), &m), "%s", m.text);
}
// Test that going on is the same run
enum { UPDATES = 7 };

static void train(struct trainer *t, size_t until)
{
    struct message m = { 0, "" };
    struct update u;
    while (t->bookmark.step < until) {
        ck_assert_msg(trainer_step(&u, t, &m), "%s", m.text);
        trainer_best(t, u.loss);
    }
}

/* fails if a moment, the step, the epoch or the place in it is not
   restored */
START_TEST(a_run_that_goes_on_is_the_same_run)
{
    struct trainer straight, before, after;
    tiny_open(&straight);
    train(&straight, UPDATES);
    save("straight", &straight);
    ck_assert(straight.bookmark.position.epoch > 1);
    tiny_close(&straight);

    tiny_open(&before);
    train(&before, (size_t)_i);
    save("before", &before);
    tiny_close(&before);

    tiny_open(&after);
    train(&after, 3);
    load(&after, "before");
    save("between", &after);
    train(&after, UPDATES);
    save("after", &after);
    tiny_close(&after);
    assert_same_file("before", "between");
    assert_same_file("straight", "after");
}
END_TEST

/* fails if a sum in training is taken in an order that depends on
   threads */
START_TEST(the_file_does_not_depend_on_the_number_of_threads)
{
    struct trainer t;
    for (int threads = 1; threads <= 2; threads++) {
        omp_set_num_threads(threads);
        tiny_open(&t);
        train(&t, 3);
        save(threads == 1 ? "one" : "two", &t);
        tiny_close(&t);
    }
    assert_same_file("one", "two");
}
END_TEST
// Test what a checkpoint holds
/* fails if writer and reader leave out the same thing, or swap two
   rows */
START_TEST(a_checkpoint_holds_every_row_field_and_member)
{
    struct message m = { 0, "" };
    struct trainer t;
    struct safetensors s;
    tiny_open(&t);
    train(&t, 2);
    save("x", &t);
    ck_assert(safetensors_open(&s, folder_file("x"), &m));
    // Look for the rows in s
    const char *const prefix[3] = { "", "first_moments.",
                                    "second_moments." };
    const real *const row[3] = { reals(t.model.weights),
                                  reals(t.first), reals(t.second) };
    const struct parameters *p = &t.model.parameters;
    ck_assert_uint_eq(s.used, 3 * p->used);
    for (size_t r = 0; r < 3; r++)
        for (size_t i = 0; i < p->used; i++) {
            const struct parameter *one = &p->list[i];
            size_t shape[2] = { one->rows, one->columns };
            bool vector = one->rows == 1;
            char name[100];
            real *got = test_unset(one->count);
            snprintf(name, sizeof name, "%s%s", prefix[r], one->name);
            ck_assert_msg(tensor_copy(got, &s, name, vector ? 1 : 2,
                                      shape + vector, &m), "%s",
                          m.text);
            assert_same(got, row[r] + one->offset, one->count);
        }
    // Look for fields and members in s
    for (const struct field *f = configuration_fields; f->name; f++) {
        char text[64];
        field_get(&t.options, f, text);
        ck_assert_pstr_eq(safetensors_text(&s, f->name), text);
    }
    char best[64], hash[64];
    snprintf(best, sizeof best, "%.17g", t.bookmark.best);
    snprintf(hash, sizeof hash, "%016llx",
             (unsigned long long)t.bookmark.training_text);
    ck_assert_pstr_eq(safetensors_text(&s, "step"), "2");
    ck_assert_pstr_eq(safetensors_text(&s, "epoch"), "0");
    ck_assert_pstr_eq(safetensors_text(&s, "index"), "4");
    ck_assert_pstr_eq(safetensors_text(&s, "best"), best);
    ck_assert_pstr_eq(safetensors_text(&s, "training_text"), hash);
    ck_assert_pstr_eq(safetensors_text(&s, "format"), "mhc checkpoint 1");
    ck_assert_pstr_eq(safetensors_text(&s, "real"), REAL_NAME);
    ck_assert_pstr_eq(safetensors_text(&s, "matmul"), matmul_library());
    safetensors_close(&s);
    tiny_close(&t);
}
END_TEST
/* fails if a field or a member keeps its default when a file is read */
START_TEST(configuration_and_bookmark_are_read_from_the_file_alone)
{
    struct message m = { 0, "" };
    struct trainer t;
    struct checkpoint k;
    struct bookmark b;
    tiny_open(&t);
    train(&t, 2);
    save("x", &t);
    ck_assert(checkpoint_open(&k, folder_file("x"), &m));
    ck_assert(checkpoint_read_bookmark(&b, &k, &m));
    checkpoint_close(&k);
    for (const struct field *f = configuration_fields; f->name; f++) {
        char got[64], want[64];
        field_get(&k.configuration, f, got);
        field_get(&t.options, f, want);
        ck_assert_str_eq(got, want);
    }
    ck_assert(b.step == 2 && b.position.epoch == 0
              && b.position.index == 4 && b.best == t.bookmark.best
              && b.training_text == t.bookmark.training_text
              && b.held_out_text == t.bookmark.held_out_text);
    tiny_close(&t);
}
END_TEST

/* fails if what a broken device answers takes the last one's place */
START_TEST(what_a_failed_device_holds_is_not_saved)
{
    struct message m = { 0, "" };
    struct trainer t;
    tiny_open(&t);
    save("good", &t);
    save("kept", &t);
    train(&t, 1);
    device_fail(t.device, EX_OSERR, "it broke");
    ck_assert(!checkpoint_write(folder_file("kept"), &t, &m));
    ck_assert_int_eq(m.status, EX_OSERR);
    ck_assert_str_eq(m.text, "it broke");
    assert_same_file("good", "kept");
}
END_TEST

/* fails if a missing file is reported as a bad one */
START_TEST(a_missing_checkpoint_is_no_input)
{
    struct message m = { 0, "" };
    struct checkpoint k;
    ck_assert(!checkpoint_open(&k, folder_file("missing"), &m));
    ck_assert_int_eq(m.status, EX_NOINPUT);
    checkpoint_close(&k);
}
END_TEST

/* fails if files with the old sum, or with a gate in two halves, are
   refused */
START_TEST(a_checkpoint_with_the_old_checksum_is_read)
{
    struct message m = { 0, "" };
    struct trainer t;
    struct safetensors s;
    tiny_open(&t);
    ck_assert_msg(tiny_read(&t, "data/fnv.safetensors", &m), "%s",
                  m.text);
    ck_assert(t.bookmark.step == 2 && t.bookmark.position.index == 4);
    ck_assert(t.bookmark.best == 3.4643583446741104);
    ck_assert(reals(t.model.weights)[0] == (real)-0x1.980df8p-10);
    ck_assert(reals(t.first)[0] == (real)-0x1.32335cp-6);
    ck_assert(reals(t.second)[0] == (real)0x1.0e6c7ep-9);
    save("new", &t);
    ck_assert(safetensors_open(&s, folder_file("new"), &m));
    ck_assert_pstr_eq(safetensors_text(&s, "checksum_kind"), "xxh3_64");
    safetensors_close(&s);
    tiny_close(&t);
}
END_TEST
// Write a checkpoint that is not right
enum { MOST = 200 };
struct change {
    const char *key, *text;     /* text NULL: left out */
    const char *without;        /* tensors that begin so are left out */
    const char *turned;         /* this one is a row [1, n] */
    const char *infinite;       /* the second number of this one is */
    bool more;                  /* one tensor more */
    // More of a change
    const char *coded;          /* this one is in codes, without scales */
};

static void rewrite(const char *to, const char *from,
                    const struct change *c)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct tensor tensor[MOST];
    struct text_pair pair[MOST];
    size_t tensors = 0, pairs = 0;
    ck_assert(safetensors_open(&s, folder_file(from), &m));
    // Copy the texts of s, but for the change
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(s.header, "__metadata__"), key,
                        value) {
        bool changed = c->key != NULL && strcmp(c->key, key) == 0;
        const char *text = changed ? c->text : json_string_value(value);
        if (text != NULL && strncmp(key, "checksum", 8) != 0) {
            pair[pairs].key = key;
            snprintf(pair[pairs++].text, TENSOR_TEXT, "%s", text);
        }
    }
    // Copy the tensors of s, but for the change
    for (size_t i = 0; i < s.used; i++) {
        const struct entry *e = &s.list[i];
        struct tensor one = { .rank = e->rank };
        real *data = test_reals((e->end - e->begin) / e->type->bytes);
        strcpy(one.name, e->name);
        memcpy(one.shape, e->shape, sizeof one.shape);
        ck_assert(tensor_copy(data, &s, e->name, e->rank, e->shape,
                              &m));
        one.data = data;
        if (c->infinite != NULL && strcmp(c->infinite, e->name) == 0)
            data[1] = (real)INFINITY;
        if (c->turned != NULL && strcmp(c->turned, e->name) == 0) {
            one.rank = 2;
            one.shape[1] = one.shape[0];
            one.shape[0] = 1;
        }
        // Change more of a tensor
        static const unsigned char zeros[1 << 12];
        if (c->coded != NULL && strcmp(c->coded, e->name) == 0) {
            one.code = zeros;
            one.code_type = "F8_E4M3";
        }
        if (c->without == NULL
            || strncmp(e->name, c->without, strlen(c->without)) != 0)
            tensor[tensors++] = one;
    }
    if (c->more) {
        tensor[tensors] = tensor[0];
        strcpy(tensor[tensors++].name, "one more");
    }
    ck_assert_msg(safetensors_write(folder_file(to), tensor, tensors,
                                    pair, pairs, &m), "%s", m.text);
    safetensors_close(&s);
}
// Test checkpoints that are not right
static const struct wrong {
    struct change change;
    int status;
    const char *reason;
} wrong[] = {
    // Changes of the format and the configuration
    { { .key = "format" }, EX_DATAERR, "its format is not given" },
    { { .key = "format", .text = "mhc checkpoint 2\n" }, EX_DATAERR,
      "newer program than this wrote it: its format is mhc checkpoint 2?" },
    { { .key = "format", .text = "pt" }, EX_DATAERR,
      "no checkpoint of this program: its format is pt" },
    { { .key = "width" }, EX_DATAERR, "width is missing from its meta" },
    { { .key = "rate" }, EX_DATAERR, "rate is missing from its metadata" },
    { { .key = "width", .text = "much" }, EX_DATAERR, "width" },
    { { .key = "width", .text = "-8" }, EX_DATAERR, "width" },
    { { .key = "tied", .text = "perhaps" }, EX_DATAERR, "tied" },
    { { .key = "connection", .text = "none" }, EX_DATAERR,
      "there is no kind 'none'" },
    { { .key = "heads", .text = "3" }, EX_DATAERR, "heads" },
    { { .key = "width", .text = "8" }, EX_DATAERR,
      "tensor embedding: its shape is [32,4], expected [32,8]" },
    { { .key = "context", .text = "16" }, EX_USAGE,
      "context: checkpoint says 16, command line 8" },
    { { .key = "heads", .text = "1" }, EX_USAGE,
      "heads: checkpoint says 1, command line 2" },
    { { .key = "seed", .text = "12" }, EX_USAGE,
      "seed: checkpoint says 12, command line 11" },
    // Changes of the bookmark
    { { .key = "step" }, EX_DATAERR, "step is missing from its metadata" },
    { { .key = "best" }, EX_DATAERR, "best is missing from its metadata" },
    { { .key = "step", .text = "" }, EX_DATAERR, "step cannot be " },
    { { .key = "step", .text = "-1" }, EX_DATAERR, "step cannot be -1" },
    { { .key = "step", .text = " 1" }, EX_DATAERR, "step cannot be  1" },
    { { .key = "step", .text = "1.5" }, EX_DATAERR, "step cannot be 1.5" },
    { { .key = "step", .text = "a" }, EX_DATAERR, "step cannot be a" },
    { { .key = "step", .text = "18446744073709551616" }, EX_DATAERR,
      "step cannot be 18446744073709551616" },
    { { .key = "best", .text = "" }, EX_DATAERR, "best cannot be " },
    { { .key = "best", .text = "1,5" }, EX_DATAERR, "best cannot be 1,5" },
    { { .key = "best", .text = "nan" }, EX_DATAERR, "best loss is not a" },
    { { .key = "index", .text = "5" }, EX_DATAERR, "window 5 of an epoch" },
    { { .key = "training_text", .text = "0123" }, EX_DATAERR,
      "training_text cannot be 0123" },
    { { .key = "training_text", .text = "0123456789abcdeg" }, EX_DATAERR,
      "training_text cannot be 0123456789abcdeg" },
    { { .key = "training_text", .text = "0123456789abcdef" }, EX_DATAERR,
      "the training text is not the one" },
    { { .key = "held_out_text", .text = "0123456789abcdef" }, EX_DATAERR,
      "the held-out text is not the one" },
    // Changes of the tensors
    { { .without = "first_moments." }, EX_DATAERR, "it is missing" },
    { { .without = "second_moments.sub" }, EX_DATAERR,
      "tensor second_moments.sub" },
    { { .without = "embedding" }, EX_DATAERR,
      "tensor embedding: it is missing" },
    { { .infinite = "embedding" }, EX_DATAERR,
      "tensor embedding: number 1 is not finite" },
    { { .infinite = "first_moments.embedding" }, EX_DATAERR,
      "tensor first_moments.embedding: number 1 is not finite" },
    { { .turned = "first_moments.sublayer.0.norm" }, EX_DATAERR,
      "moments.sublayer.0.norm: its shape is [1,4], expected [4]" },
    { { .more = true }, EX_DATAERR, "tensors, the model has" },
    { { .coded = "embedding" }, EX_DATAERR,
      "tensor embedding: it is F8_E4M3, and weights in eight bits have" },
};
enum { WRONG = sizeof wrong / sizeof *wrong };
/* fails if anything in the trainer changes before all of the file is
   known to be good */
START_TEST(a_wrong_checkpoint_is_refused_and_changes_nothing)
{
    struct message m = { 0, "" };
    struct trainer t;
    const struct wrong *w = &wrong[_i];
    tiny_open(&t);
    train(&t, 1);
    save("good", &t);
    rewrite("bad", "good", &w->change);
    train(&t, 2);
    save("before", &t);
    ck_assert(!tiny_read(&t, folder_file("bad"), &m));
    ck_assert_int_eq(m.status, w->status);
    ck_assert_msg(strstr(m.text, w->reason) != NULL, "%s", m.text);
    ck_assert(strncmp(m.text, folder_file("bad"),
                      strlen(folder_file("bad"))) == 0);
    save("after", &t);
    assert_same_file("before", "after");
    tiny_close(&t);
}
END_TEST

static const struct change fine[] = {
    { .key = "rate", .text = "0.001" },
    // More changes that do no harm
    { .key = "iterations" },
};
enum { FINE = sizeof fine / sizeof *fine };

/* fails if a rate that was changed by hand keeps a run from going on */
START_TEST(a_field_that_is_free_may_differ)
{
    struct trainer t;
    tiny_open(&t);
    train(&t, 2);
    save("good", &t);
    rewrite("changed", "good", &fine[_i]);
    tiny_close(&t);
    tiny_open(&t);
    load(&t, "changed");
    save("after", &t);
    assert_same_file("good", "after");
    tiny_close(&t);
}
END_TEST
/* fails if a bookmark is filled member by member while it is read */
START_TEST(bad_files_do_not_fill_anything)
{
    struct message m[3] = { { 0, "" } };
    struct trainer t;
    struct checkpoint k;
    struct bookmark b = { .step = 77 };
    const struct change change[3] = { { .key = "width", .text = "x" },
                                      { .key = "index", .text = "x" },
                                      { .key = "format" } };
    tiny_open(&t);
    save("good", &t);
    for (size_t i = 0; i < 3; i++) {
        rewrite("bad", "good", &change[i]);
        bool opened = checkpoint_open(&k, folder_file("bad"), &m[i]);
        ck_assert(opened == (i == 1));
        ck_assert(!opened || !checkpoint_read_bookmark(&b, &k, &m[i]));
        ck_assert_int_eq(m[i].status, EX_DATAERR);
        checkpoint_close(&k);
        ck_assert(!k.file.open && k.file.header == NULL);
    }
    ck_assert_uint_eq(b.step, 77);
    tiny_close(&t);
}
END_TEST
// Test the reading of weights
/* fails if a file with only one of the moments is accepted, or one with
   none refused */
START_TEST(weights_are_read_with_or_without_the_moments)
{
    struct message m = { 0, "" };
    struct trainer t, other;
    const struct change change[3] = {
        { .key = NULL }, { .without = "first_" },
        { .without = "second_" } };
    tiny_open(&t);
    train(&t, 2);
    save("good", &t);
    rewrite("half", "good", &change[1]);
    rewrite("weights", "half", &change[2]);
    tiny_open(&other);
    size_t count = t.model.parameters.count;
    ck_assert(!tiny_read_weights(&other.model, folder_file("half"),
                                 &m));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert_ptr_nonnull(strstr(m.text, "tensors, the model has"));
    ck_assert(!compare_bits(NULL, "", reals(other.model.weights),
                            reals(t.model.weights), count));
    m.status = 0;
    ck_assert_msg(tiny_read_weights(&other.model,
        folder_file(_i == 0 ? "good" : "weights"), &m), "%s", m.text);
    assert_same(reals(other.model.weights), reals(t.model.weights),
                count);
    ck_assert_uint_eq(other.bookmark.step, 0);
    tiny_close(&other);
    tiny_close(&t);
}
END_TEST

/* fails if only shapes are compared, which do not show the number of
   heads */
START_TEST(weights_of_another_model_are_refused)
{
    struct message m = { 0, "" };
    struct trainer t;
    const struct change heads = { .key = "heads", .text = "1" };
    tiny_open(&t);
    save("good", &t);
    rewrite("bad", "good", &heads);
    const char *path = folder_file("bad");
    ck_assert(!tiny_read_weights(&t.model, path, &m));
    ck_assert_int_eq(m.status, EX_USAGE);
    ck_assert_ptr_nonnull(strstr(m.text, "heads: checkpoint says 1"));
    tiny_close(&t);
}
END_TEST
// Test the warnings
static void assert_warning(const char *name, const char *want,
                           const char *strangers)
{
    struct message m = { 0, "" };
    struct checkpoint k;
    char text[CHECKPOINT_WARNINGS];
    memset(text, 'x', sizeof text);
    ck_assert_msg(checkpoint_open(&k, folder_file(name), &m), "%s",
                  m.text);
    checkpoint_warnings(text, &k);
    ck_assert_str_eq(text, want);
    text[0] = '\0';
    checkpoint_strangers(text, &k);
    ck_assert_str_eq(text, strangers);
    checkpoint_close(&k);
}

/* fails if another library or type is not mentioned, or the same one
   is */
START_TEST(what_may_differ_is_said)
{
    struct trainer t;
    const struct change change[3] = {
        { .key = "real", .text = "half" }, { .key = "real" },
        { .key = "matmul", .text = "abacus\n" } };
    char want[300];
    tiny_open(&t);
    save("good", &t);
    tiny_close(&t);
    assert_warning("good", "", "");
    rewrite("other", "good", &change[0]);
    assert_warning("other", "real was half, is " REAL_NAME
                   ": the last bits may differ\n", "");
    rewrite("other", "good", &change[1]);
    rewrite("third", "other", &change[2]);
    snprintf(want, sizeof want, "real was not noted, is " REAL_NAME
             ": the last bits may differ\nmatmul was abacus?, is %s: "
             "the last bits may differ\n", matmul_library());
    assert_warning("third", want, "");
}
END_TEST

/* fails if a file that has lost its checksum is refused, or read in
   silence */
START_TEST(a_file_without_a_checksum_is_read_with_a_warning)
{
    struct trainer t;
    size_t size;
    tiny_open(&t);
    train(&t, 1);
    save("good", &t);
    char *bytes = bytes_of("good", &size);
    memcpy(strstr(bytes + 8, "checksum"), "chocksum", 8);
    memcpy(strstr(bytes + 8, "checksum"), "chocksum", 8);
    FILE *file = fopen(folder_file("other"), "wb");
    fwrite(bytes, 1, size, file);
    fclose(file);
    assert_warning("other", "there is no checksum: damage goes "
        "unnoticed\nits metadata have chocksum, which is not known and "
        "left out\nits metadata have chocksum_kind, which is not known "
        "and left out\n", "its metadata have chocksum, which is not "
        "known and left out\nits metadata have chocksum_kind, which is "
        "not known and left out\n");
    load(&t, "other");
    save("after", &t);
    assert_same_file("good", "after");
    tiny_close(&t);
}
END_TEST
// Test checkpoints without memory
// Test what reading takes
static const struct { struct change change; const char *reason; }
forged[] = {
    { { .key = "layers", .text = "4096" }, "4096 layers cannot lie" },
    { { .key = "layers", .text = "2" }, "it is missing" },
    { { .key = "width", .text = "65536" }, "expected [32,65536]" },
    { { .key = "vocabulary", .text = "1048576" }, "[1048576,4]" },
    { { .key = "hidden", .text = "262144" }, "expected [524288,4]" },
    { { .key = "connection", .text = "mystery" }, "no kind 'mystery'" },
    { { .key = "streams", .text = "64" }, "takes 1 at most, not 64" },
};

/* fails if a model is opened before its tensors are known to be
   there */
START_TEST(sizes_that_are_not_there_take_no_memory)
{
    struct message m = { 0, "" };
    struct checkpoint k;
    struct trainer t;
    tiny_open(&t);
    save("good", &t);
    rewrite("bad", "good", &forged[_i].change);
    const char *path = folder_file("bad");
    size_t before = memory_peak();
    ck_assert(!checkpoint_open(&k, path, &m));
    ck_assert(memory_peak() < before + (4 << 20));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert(strncmp(m.text, path, strlen(path)) == 0);
    ck_assert_msg(strstr(m.text, forged[_i].reason) != NULL, "%s",
                  m.text);
    tiny_close(&t);
}
END_TEST

/* fails if the seed or a beta of the file replaces that of a new run */
START_TEST(weights_alone_ask_for_the_sizes_and_no_more)
{
    struct message m = { 0, "" };
    struct configuration c = tiny_configuration();
    struct trainer t, other;
    struct checkpoint k;
    struct model model;
    tiny_open(&t);
    tiny_open(&other);
    train(&t, 2);
    save("good", &t);
    c.width = 8, c.seed = 3, c.beta1 = 0.5, c.rate = 0.5;
    ck_assert(checkpoint_open(&k, folder_file("good"), &m));
    checkpoint_sizes(&c, &k);
    ck_assert(c.width == 4 && c.tied && c.seed == 3);
    ck_assert(c.beta1 == 0.5 && c.rate == 0.5);
    ck_assert(model_open(&model, &c, &cpu, 1, INFERENCE, 0, &m));
    ck_assert(checkpoint_read_weights(&model, &k, &m));
    assert_same(reals(model.weights), reals(t.model.weights),
                t.model.parameters.count);
    model_close(&model);
    other.options.seed = 3;
    ck_assert(!checkpoint_read(&other, &k, &m));
    ck_assert_int_eq(m.status, EX_USAGE);
    checkpoint_close(&k);
    tiny_close(&other);
    tiny_close(&t);
}
END_TEST

/* fails if every piece is put at the beginning of its tensor */
START_TEST(a_tensor_of_several_pieces_comes_back)
{
    struct message m = { 0, "" };
    struct configuration c = tiny_configuration();
    struct trainer t;
    c.vocabulary = 256, c.width = 132;
    tiny_open_as(&t, &c);
    size_t all = t.model.parameters.count;
    real *row[] = { reals(t.model.weights), reals(t.first),
                    reals(t.second) };
    for (size_t i = 0; i < 3 * all; i++)
        row[i / all][i % all] = (real)i;
    ck_assert(checkpoint_write(folder_file("x"), &t, &m));
    for (size_t r = 0; r < 3; r++)
        memset(row[r], 0, all * sizeof(real));
    ck_assert(tiny_read(&t, folder_file("x"), &m));
    for (size_t k = 0; k < 3 * t.model.parameters.used; k++) {
        const struct parameter *one = &t.model.parameters.list[k / 3];
        for (size_t i = one->offset; i < one->offset + one->count; i++)
            ck_assert(row[k % 3][i] == (real)(k % 3 * all + i));
    }
    tiny_close(&t);
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
/* fails if saving or reading copies all weights, and nobody counts
   it */
START_TEST(a_run_takes_the_memory_that_it_says)
{
    static unsigned char text[4096];
    struct message m = { 0, "" };
    struct corpus corpus = { .training = { text, sizeof text },
                             .held_out = { text, sizeof text } };
    struct configuration c = configuration_default();
    struct trainer t;
    struct update u;
    double nats;
    const char *path = folder_file("large");
    c.layers = 2, c.width = 512, c.heads = 8, c.batch = 2;
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * i >> 3);
    // Load what multiplies, which is not counted
    size_t rows = c.batch * c.context, out = 2 * configuration_hidden(&c);
    real *y = test_reals(rows * out), *x = test_reals(rows * c.width);
    real *w = test_reals(out * c.width), *dw = test_reals(out * c.width);
    matmul_forward(y, x, w, rows, out, c.width);
    matmul_backward_input(x, y, w, rows, out, c.width, false);
    matmul_backward_weight(dw, y, x, rows, out, c.width);
    size_t before = memory_peak();
    bool good = _i == 0
        ? trainer_open(&t, &c, &cpu, &corpus, &m)
          && trainer_step(&u, &t, &m) && checkpoint_write(path, &t, &m)
          && tiny_read(&t, path, &m)
        : trainer_open_to_evaluate(&t, &c, &cpu, &corpus, &m);
    ck_assert_msg(good && trainer_evaluate(&nats, &t, 2, &m), "%s",
                  m.text);
    double said = (double)trainer_bytes(&t.model) / (1 << 20);
    double took = (double)(memory_peak() - before) / (1 << 20);
    ck_assert_msg(fabs(took - said) < 0.05 * said + 2 * (_i == 1),
                  "%.1f MiB said, %.1f taken", said, took);
    trainer_close(&t);
}
END_TEST
#endif

/* fails if a failed allocation goes unreported or changes the
   trainer */
START_TEST(any_failed_allocation_of_a_checkpoint_is_reported)
{
    struct trainer t;
    struct message m = { 1, "" };
    size_t k = 0;
    tiny_open(&t);
    train(&t, 1);
    save("good", &t);
    for (; m.status != 0; k++) {
        m = (struct message){ 0, "" };
        const char *path = folder_file("x");
        memory_allow(k);
        bool good = checkpoint_write(path, &t, &m);
        ck_assert(good == (m.status == 0));
        good = good && tiny_read(&t, path, &m)
            && tiny_read_weights(&t.model, path, &m);
        memory_allow(SIZE_MAX);
        ck_assert(good == (m.status == 0));
        ck_assert(good || m.status == EX_OSERR);
        save("after", &t);
        assert_same_file("good", "after");
    }
    ck_assert_uint_gt(k, 12);
    tiny_close(&t);
}
END_TEST

// The suite of checkpoints
Suite *checkpoint_suite(void);
Suite *checkpoint_suite(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *c = tcase_create("state");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_loop_test(c, a_run_that_goes_on_is_the_same_run, 0,
                        UPDATES + 1);
    tcase_add_test(c,
        the_file_does_not_depend_on_the_number_of_threads);
    tcase_add_test(c, a_checkpoint_holds_every_row_field_and_member);
    tcase_add_test(c,
        configuration_and_bookmark_are_read_from_the_file_alone);
    tcase_add_test(c, what_a_failed_device_holds_is_not_saved);
    tcase_add_test(c, a_missing_checkpoint_is_no_input);
    tcase_add_test(c, a_checkpoint_with_the_old_checksum_is_read);
    tcase_add_loop_test(c,
        a_wrong_checkpoint_is_refused_and_changes_nothing, 0, WRONG);
    tcase_add_loop_test(c, a_field_that_is_free_may_differ, 0, FINE);
    tcase_add_test(c, bad_files_do_not_fill_anything);
    tcase_add_loop_test(c,
        weights_are_read_with_or_without_the_moments, 0, 2);
    tcase_add_test(c, weights_of_another_model_are_refused);
    tcase_add_test(c, what_may_differ_is_said);
    tcase_add_test(c,
        a_file_without_a_checksum_is_read_with_a_warning);
    tcase_add_test(c,
        any_failed_allocation_of_a_checkpoint_is_reported);
    tcase_add_loop_test(c, sizes_that_are_not_there_take_no_memory, 0,
                        sizeof forged / sizeof *forged);
    tcase_add_test(c, weights_alone_ask_for_the_sizes_and_no_more);
    tcase_add_test(c, a_tensor_of_several_pieces_comes_back);
#ifndef __SANITIZE_ADDRESS__
    c = tcase_create("memory");
    suite_add_tcase(s, c);
    tcase_set_tags(c, "slow");
    tcase_add_checked_fixture(c, one_thread, NULL);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_loop_test(c, a_run_takes_the_memory_that_it_says, 0, 2);
#endif
    return s;
}
