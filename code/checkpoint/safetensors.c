#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>
#include <xxhash.h>
#include "checkpoint/durable.h"
#include "checkpoint/safetensors.h"
#include "ground/hash.h"
#include "ground/memory.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "the numbers in a file are copied as they are");

// Types of numbers
static double number_f64(const unsigned char *bytes)
{
    double number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static double number_f32(const unsigned char *bytes)
{
    float number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static double number_bf16(const unsigned char *bytes)
{
    unsigned char wide[4] = { 0, 0, bytes[0], bytes[1] };
    return number_f32(wide);
}

static double number_f16(const unsigned char *bytes)
{
    int bits = bytes[0] | bytes[1] << 8;
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size = exponent == 31 ? (fraction == 0 ? INFINITY : NAN)
                : exponent == 0 ? ldexp(fraction, -24)
                : ldexp(1024 + fraction, exponent - 25);
    return bits >> 15 == 0 ? size : -size;
}

// Numbers of fewer bits
#include "ground/fp8.h"

static double number_e4m3(const unsigned char *bytes)
{
    return (double)fp8_widen(*bytes, FP8_E4M3);
}

static double number_e5m2(const unsigned char *bytes)
{
    return (double)fp8_widen(*bytes, FP8_E5M2);
}

static const struct number_type types[] = {
    { "F64", 8, number_f64 },
    { "F32", 4, number_f32 },
    { "BF16", 2, number_bf16 },
    { "F16", 2, number_f16 },
    // Types of fewer bits
    { "F8_E4M3", 1, number_e4m3 },
    { "F8_E5M2", 1, number_e5m2 },
    // Types that we can only step over
    { "I64", 8, NULL }, { "I32", 4, NULL }, { "I16", 2, NULL },
    { "I8", 1, NULL }, { "U64", 8, NULL }, { "U32", 4, NULL },
    { "U16", 2, NULL }, { "U8", 1, NULL }, { "BOOL", 1, NULL },
    { "F8_E4M3", 1, NULL }, { "F8_E5M2", 1, NULL },
};

static const struct number_type *const type_of_real =
    &types[sizeof(real) == 8 ? 0 : 1];

static const struct number_type *type_find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}
// Refuse a file
void printable(char *text)
{
    for (; *text != '\0'; text++)
        if (*text < ' ' || *text > '~')
            *text = '?';
}

bool refuse(const struct safetensors *s, const char *name,
            struct message *m, const char *format, ...)
{
    char why[256], text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    if (name == NULL)
        snprintf(text, sizeof text, "%s", why);
    else
        snprintf(text, sizeof text, "tensor %.63s: %s", name, why);
    printable(text);
    return fail(m, EX_DATAERR, "%s: %s", s->file, text);
}
// Find the header
enum { LENGTH_BYTES = 8, HEADER_MOST = 16000000, HEADER_FIRST = 32,
       PIECE = 1 << 16 };          /* bytes */

/* first: the first bytes of the file, up to HEADER_FIRST */
static bool header_find(struct safetensors *s,
                        const unsigned char *first, struct message *m)
{
    // Refuse what only stands for a file
    static const char pointer[] = "version https://git-lfs";
    if (s->size >= sizeof pointer
        && memcmp(first, pointer, sizeof pointer - 1) == 0)
        return refuse(s, NULL, m, "not a safetensors file, but what Git "
                      "LFS leaves in its place; to fetch it: git lfs pull");
    if (s->size < LENGTH_BYTES)
        return refuse(s, NULL, m, "not a safetensors file: %zu bytes "
                      "are too few for the length of a header",
                      s->size);
    size_t length = 0;
    for (size_t i = LENGTH_BYTES; i-- > 0; )
        length = length << 8 | first[i];
    // Refuse a length that cannot be
    if (length > HEADER_MOST)
        return refuse(s, NULL, m, "not a safetensors file: a header of %zu "
                      "bytes is longer than %d", length, HEADER_MOST);
    if (length > s->size - LENGTH_BYTES)
        return refuse(s, NULL, m, "it is cut off: a header of %zu bytes "
                      "does not fit into a file of %zu", length, s->size);
    if (length == 0 || first[LENGTH_BYTES] != '{')
        return refuse(s, NULL, m, "not a safetensors file: its header "
                      "does not begin with {");
    s->start = LENGTH_BYTES + length;
    s->bytes = s->size - s->start;
    return true;
}
// Parse the header
static bool header_parse(struct safetensors *s, struct message *m)
{
    json_error_t error;
    const char *text = (const char *)s->image + LENGTH_BYTES;
    size_t length = s->start - LENGTH_BYTES;
    s->header = json_loadb(text, length, JSON_REJECT_DUPLICATES,
                           &error);
    if (s->header == NULL && error.text[0] == '\0')
        return fail(m, EX_OSERR, "%s: no memory for its header",
                    s->file);
    if (s->header == NULL)
        return refuse(s, NULL, m, "its header is not JSON: %s at "
                      "byte %d", error.text, error.position);
    return true;
}
// Read one entry of the header
static bool size_read(size_t *size, const json_t *value)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *size = (size_t)json_integer_value(value);
    return true;
}

static bool entry_read(struct entry *e, const struct safetensors *s,
                       const char *name, const json_t *value,
                       struct message *m)
{
    e->name = name;
    if (!json_is_object(value))
        return refuse(s, name, m, "its entry is no object");
    // Read the type of the numbers
    const char *type = json_string_value(json_object_get(value, "dtype"));
    if (type == NULL)
        return refuse(s, name, m, "its dtype is missing or no text");
    e->type = type_find(type);
    if (e->type == NULL)
        return refuse(s, name, m, "dtype %.63s is not one of F64, F32, "
                      "BF16, F16" ", F8_E4M3, F8_E5M2", type);
    // Read the shape
    const json_t *shape = json_object_get(value, "shape");
    if (!json_is_array(shape))
        return refuse(s, name, m, "its shape is missing or no list");
    e->rank = json_array_size(shape);
    if (e->rank > TENSOR_RANK)
        return refuse(s, name, m, "%zu dimensions are more than %d",
                      e->rank, TENSOR_RANK);
    for (size_t i = 0; i < e->rank; i++)
        if (!size_read(&e->shape[i], json_array_get(shape, i)))
            return refuse(s, name, m, "dimension %zu is no size", i);
    // Read where the tensor begins and ends
    const json_t *place = json_object_get(value, "data_offsets");
    if (!json_is_array(place) || json_array_size(place) != 2)
        return refuse(s, name, m, "its data_offsets are missing or no "
                      "pair");
    if (!size_read(&e->begin, json_array_get(place, 0))
        || !size_read(&e->end, json_array_get(place, 1)))
        return refuse(s, name, m, "its data_offsets are no sizes");
    if (json_object_size(value) != 3)
        return refuse(s, name, m, "its entry has fields besides "
                      "dtype, shape and data_offsets");
    return true;
}
// List the entries in the order of their bytes
// Compare the places of two entries
static int entry_compare(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->begin != b->begin)
        return a->begin < b->begin ? -1 : 1;
    return (a->end > b->end) - (a->end < b->end);
}
// Check the metadata
static bool metadata_check(const struct safetensors *s, json_t *value,
                           struct message *m)
{
    const char *key;
    json_t *text;
    if (!json_is_object(value))
        return refuse(s, NULL, m, "its metadata are no object");
    json_object_foreach(value, key, text)
        if (!json_is_string(text))
            return refuse(s, NULL, m, "metadata %.63s is no text",
                          key);
    return true;
}

static bool header_list(struct safetensors *s, struct message *m)
{
    const char *name;
    json_t *value;
    size_t keys = json_object_size(s->header);
    s->list = memory_new(keys, sizeof *s->list, m);
    if (s->list == NULL)
        return false;
    json_object_foreach(s->header, name, value)
        if (strcmp(name, "__metadata__") == 0) {
            if (!metadata_check(s, value, m))
                return false;
        } else if (!entry_read(&s->list[s->used++], s, name, value, m))
            return false;
    qsort(s->list, s->used, sizeof *s->list, entry_compare);
    return true;
}
// Check the layout of the data
bool safetensors_check(const struct safetensors *s, struct message *m)
{
    size_t end = 0;
    for (size_t i = 0; i < s->used; i++) {
        const struct entry *e = &s->list[i];
        // Insist that this tensor lies in the data
        if (e->begin > e->end)
            return refuse(s, e->name, m, "it begins at byte %zu and ends at "
                          "%zu", e->begin, e->end);
        if (e->end > s->bytes)
            return refuse(s, e->name, m, "it ends at byte %zu of %zu",
                          e->end, s->bytes);
        // Insist that its shape takes that many bytes
        size_t bytes = e->type->bytes;
        for (size_t d = 0; d < e->rank; d++)
            if (!multiply_sizes(&bytes, bytes, e->shape[d]))
                return refuse(s, e->name, m, "its shape overflows");
        if (bytes != e->end - e->begin)
            return refuse(s, e->name, m, "its shape takes %zu bytes, its "
                          "data_offsets give %zu", bytes, e->end - e->begin);
        // Insist that it begins where the last one ended
        if (e->begin < end)
            return refuse(s, e->name, m, "it overlaps the tensor before it");
        if (e->begin > end)
            return refuse(s, e->name, m, "there is a hole of %zu bytes before "
                          "it", e->begin - end);
        end = e->end;
    }
    if (end != s->bytes)
        return refuse(s, NULL, m, "%zu bytes follow the last tensor",
                      s->bytes - end);
    return true;
}
// Fetch bytes of a file
static bool fetch(void *to, const struct safetensors *s, size_t from,
                  size_t count, struct message *m)
{
    ssize_t got = lseek(s->handle, (off_t)from, SEEK_SET) < 0 ? -1
        : file_read(to, count, s->handle);
    if (got < 0)
        return fail(m, EX_IOERR, "%s: %s", s->file, strerror(errno));
    return (size_t)got == count
        || fail(m, EX_IOERR, "%s: it became shorter while it was read",
                s->file);
}

bool safetensors_bytes(void *to, const struct safetensors *s,
                       size_t from, size_t count, struct message *m)
{
    return fetch(to, s, s->start + from, count, m);
}
// Add bytes to a checksum
enum { DIGITS = 16 };

struct checksum {
    XXH3_state_t *xxh3;         /* NULL: it is of the old kind */
    uint64_t fnv;
};

static bool checksum_begin(struct checksum *c, bool old,
                           const char *file, struct message *m)
{
    *c = (struct checksum){ .fnv = FNV_EMPTY,
                            .xxh3 = old ? NULL : XXH3_createState() };
    return old || XXH3_64bits_reset(c->xxh3) == XXH_OK
        || fail(m, EX_OSERR, "%s: no memory for its checksum", file);
}

static void checksum_add(struct checksum *c, const void *bytes,
                         size_t count)
{
    if (c->xxh3 != NULL)
        XXH3_64bits_update(c->xxh3, bytes, count);
    else
        c->fnv = fnv_add(c->fnv, bytes, count);
}

static void checksum_end(char digits[DIGITS], struct checksum *c)
{
    char text[DIGITS + 1];
    uint64_t sum = c->xxh3 ? XXH3_64bits_digest(c->xxh3) : c->fnv;
    snprintf(text, sizeof text, "%016llx", (unsigned long long)sum);
    memcpy(digits, text, DIGITS);
    XXH3_freeState(c->xxh3);
}
// Compare the checksum
#define CHECKSUM_KIND "xxh3_64"
#define HEADER_START "{\"__metadata__\":{\"checksum\":\""
enum { DIGITS_AT = LENGTH_BYTES + sizeof HEADER_START - 1 };

static bool checksum_compare(struct safetensors *s, struct message *m)
{
    const char *digits = safetensors_text(s, "checksum");
    const char *kind = safetensors_text(s, "checksum_kind");
    bool old = kind != NULL && strcmp(kind, "fnv1a64") == 0;
    if (digits == NULL && kind == NULL)
        return true;
    if (digits == NULL || kind == NULL
        || (!old && strcmp(kind, CHECKSUM_KIND) != 0))
        return refuse(s, NULL, m, "its checksum is of no known kind");
    // Insist that the digits stand where we write them
    if (strlen(digits) != DIGITS || s->start < DIGITS_AT + DIGITS
        || memcmp(s->image + LENGTH_BYTES, HEADER_START,
                  sizeof HEADER_START - 1) != 0)
        return refuse(s, NULL, m, "its checksum is not where it belongs");
    // Compare the digits with the sum of the file
    char right[DIGITS];
    struct checksum sum;
    unsigned char piece[PIECE];
    bool good = checksum_begin(&sum, old, s->file, m);
    if (!good)
        return false;
    checksum_add(&sum, s->image, DIGITS_AT);
    checksum_add(&sum, "0000000000000000", DIGITS);
    checksum_add(&sum, s->image + DIGITS_AT + DIGITS,
                 s->start - DIGITS_AT - DIGITS);
    for (size_t from = 0, some; good && from < s->bytes; from += some) {
        some = PIECE < s->bytes - from ? PIECE : s->bytes - from;
        good = safetensors_bytes(piece, s, from, some, m);
        if (good)
            checksum_add(&sum, piece, some);
    }
    checksum_end(right, &sum);
    if (good && memcmp(s->image + DIGITS_AT, right, DIGITS) != 0)
        return refuse(s, NULL, m, "its checksum is %.16s, its contents "
                      "have %.16s: it is damaged",
                      s->image + DIGITS_AT, right);
    s->verified = good;
    return good;
}
// Open and close a file
void safetensors_close(struct safetensors *s)
{
    if (s->open)
        file_calls.close(s->handle);
    json_decref(s->header);
    memory_free(s->list);
    memory_free(s->image);
    *s = (struct safetensors){ .file = s->file };
}

// Open what is to be read
static bool header_fetch(struct safetensors *s, struct message *m)
{
    unsigned char first[HEADER_FIRST];
    struct stat about;
    if (fstat(s->handle, &about) != 0 || !S_ISREG(about.st_mode))
        return fail(m, EX_NOINPUT, "%s: not an ordinary file", s->file);
    s->size = (size_t)about.st_size;
    size_t some = s->size < HEADER_FIRST ? s->size : HEADER_FIRST;
    if (!fetch(first, s, 0, some, m) || !header_find(s, first, m))
        return false;
    s->image = memory_new(s->start, 1, m);
    return s->image != NULL && fetch(s->image, s, 0, s->start, m);
}

bool safetensors_open(struct safetensors *s, const char *path,
                      struct message *m)
{
    *s = (struct safetensors){ .file = path };
    s->handle = file_open(path);
    s->open = s->handle >= 0;
    if (!s->open)
        return fail(m, EX_NOINPUT, "%s: %s", path, strerror(errno));
    bool good = header_fetch(s, m) && header_parse(s, m)
        && header_list(s, m) && safetensors_check(s, m)
        && checksum_compare(s, m);
    if (!good)
        safetensors_close(s);
    return good;
}
// Find a tensor, a text
const struct entry *safetensors_find(const struct safetensors *s,
                                     const char *name)
{
    for (size_t i = 0; i < s->used; i++)
        if (strcmp(s->list[i].name, name) == 0)
            return &s->list[i];
    return NULL;
}

const char *safetensors_key(const struct safetensors *s, size_t i)
{
    json_t *texts = json_object_get(s->header, "__metadata__");
    void *at = json_object_iter(texts);
    while (at != NULL && i-- > 0)
        at = json_object_iter_next(texts, at);
    return json_object_iter_key(at);
}

const char *safetensors_text(const struct safetensors *s,
                             const char *key)
{
    return json_string_value(json_object_get(
        json_object_get(s->header, "__metadata__"), key));
}
// Copy a tensor
// Show a shape
enum { SHAPE_TEXT = 22 * TENSOR_RANK };

static const char *shape_show(char text[SHAPE_TEXT], size_t rank,
                              const size_t *shape)
{
    char *at = text;
    *at++ = '[';
    for (size_t i = 0; i < rank; i++)
        at += sprintf(at, i == 0 ? "%zu" : ",%zu", shape[i]);
    strcpy(at, "]");
    return text;
}

const struct entry *safetensors_entry(const struct safetensors *s,
                                      const char *name, size_t rank,
                                      const size_t *shape,
                                      struct message *m)
{
    const struct entry *e = safetensors_find(s, name);
    if (e == NULL)
        refuse(s, name, m, "it is missing");
    // Refuse another shape
    if (e != NULL && (e->rank != rank
                      || memcmp(e->shape, shape, rank * sizeof *shape))) {
        char got[SHAPE_TEXT], want[SHAPE_TEXT];
        refuse(s, name, m, "its shape is %s, expected %s",
               shape_show(got, e->rank, e->shape),
               shape_show(want, rank, shape));
        return NULL;
    }
    return e;
}

bool safetensors_numbers(real *to, const struct safetensors *s,
                         const struct entry *e, size_t from,
                         size_t count, struct message *m)
{
    size_t each = e->type->bytes, begin = e->begin + from * each;
    if (e->type->number == NULL)
        return refuse(s, e->name, m, "its dtype %s is not one that we "
                      "calculate with", e->type->name);
    if (e->type == type_of_real)
        return safetensors_bytes(to, s, begin, count * each, m);
    // Convert the numbers, piece by piece
    unsigned char piece[PIECE];
    for (size_t done = 0, some; done < count; done += some) {
        some = PIECE / each < count - done ? PIECE / each : count - done;
        if (!safetensors_bytes(piece, s, begin + done * each, some * each,
                               m))
            return false;
        for (size_t i = 0; i < some; i++)
            to[done + i] = (real)e->type->number(piece + i * each);
    }
    return true;
}
// Count the bytes of a tensor
static size_t tensor_bytes(const struct tensor *t)
{
    size_t count = 1;
    for (size_t d = 0; d < t->rank; d++)
        count *= t->shape[d];
    // Count bytes of fewer bits
    if (t->code != NULL)
        return count;
    return count * sizeof(real);
}

/* the numbers are added to *sum, or written to the file */
static bool tensor_pass(const struct tensor *t, struct checksum *sum,
                        struct durable *file, struct message *m)
{
    real piece[PIECE / sizeof(real)];
    size_t most = PIECE / sizeof(real), some;
    size_t count = tensor_bytes(t) / sizeof(real);
    struct device *d = t->device;
    struct array whole = { NULL };
    bool good = true;
    // Let numbers of fewer bits pass
    if (t->code != NULL && sum != NULL)
        checksum_add(sum, t->code, tensor_bytes(t));
    if (t->code != NULL)
        return sum != NULL
            || durable_write(file, t->code, tensor_bytes(t), m);
    if (d != NULL)
        whole = device_shape(d, MASTER, count, 1);
    whole.at = (void *)(uintptr_t)t->data;
    for (size_t from = 0; good && from < count; from += some) {
        some = most < count - from ? most : count - from;
        const real *at = d == NULL ? t->data + from : piece;
        if (d != NULL)
            device_download(d, piece, array_rows(whole, from, some));
        if (sum != NULL)
            checksum_add(sum, at, some * sizeof *at);
        else
            good = durable_write(file, at, some * sizeof *at, m);
    }
    return good && (d == NULL || device_finish(d, m));
}
// Build the header
// Put a value into an object
/* Takes the value, also if it fails. */
static bool put(json_t *object, const char *key, json_t *value,
                const char *path, struct message *m)
{
    if (json_object_get(object, key) == NULL)
        return json_object_set_new(object, key, value) == 0
            || fail(m, EX_OSERR, "%s: no memory for its header, or a "
                    "text in it is not UTF-8", path);
    json_decref(value);
    return fail(m, EX_SOFTWARE, "%s: two names in its header are the "
                "same", path);
}
// Describe a tensor
static json_t *entry_tree(const struct tensor *t, size_t begin,
                          size_t end)
{
    json_t *shape = json_array();
    const char *type = type_of_real->name;
    bool good = shape != NULL;
    // Name the type of fewer bits
    type = t->code != NULL ? t->code_type : type;
    for (size_t d = 0; good && d < t->rank; d++)
        good = json_array_append_new(shape,
                   json_integer((json_int_t)t->shape[d])) == 0;
    if (good)
        return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type,
                         "shape", shape, "data_offsets",
                         (json_int_t)begin, (json_int_t)end);
    json_decref(shape);
    return NULL;
}

static json_t *header_tree(const char *path, const struct tensor *list,
                           size_t used,
                           const struct text_pair *metadata,
                           size_t pairs, struct message *m)
{
    json_t *header = json_object(), *texts = json_object();
    bool good = put(header, "__metadata__", texts, path, m);
    // Put the metadata into texts, the checksum first
    good = good
        && put(texts, "checksum", json_string("0000000000000000"), path, m)
        && put(texts, "checksum_kind", json_string(CHECKSUM_KIND), path, m);
    for (size_t i = 0; good && i < pairs; i++)
        good = put(texts, metadata[i].key, json_string(metadata[i].text),
                   path, m);
    // Put the entries of the tensors into the header
    size_t begin = 0;
    for (size_t i = 0; good && i < used; i++) {
        size_t end = begin + tensor_bytes(&list[i]);
        good = put(header, list[i].name, entry_tree(&list[i], begin, end),
                   path, m);
        begin = end;
    }
    if (good)
        return header;
    json_decref(header);
    return NULL;
}
// Write a file of tensors
// Make the bytes of the header
static char *header_bytes(size_t *length, json_t *tree,
                          struct message *m)
{
    char *text = json_dumps(tree, JSON_COMPACT);
    if (text == NULL)
        return NULL;
    size_t filled = (strlen(text) + 7) / 8 * 8;
    char *bytes = memory_new(LENGTH_BYTES + filled, 1, m);
    if (bytes != NULL) {
        for (size_t i = 0; i < LENGTH_BYTES; i++)
            bytes[i] = (char)(filled >> 8 * i & 0xff);
        memset(bytes + LENGTH_BYTES, ' ', filled);
        memcpy(bytes + LENGTH_BYTES, text, strlen(text));
        *length = LENGTH_BYTES + filled;
    }
    free(text);
    return bytes;
}

bool safetensors_write(const char *path,
                       const struct tensor *list, size_t used,
                       const struct text_pair *metadata, size_t pairs,
                       struct message *m)
{
    size_t length = 0;
    json_t *tree = header_tree(path, list, used, metadata, pairs, m);
    char *header = tree == NULL ? NULL : header_bytes(&length, tree, m);
    json_decref(tree);
    if (header == NULL)
        return fail(m, EX_OSERR, "%s: no memory for its header", path);
    // Put the checksum into the header
    struct checksum sum;
    bool good = checksum_begin(&sum, false, path, m);
    if (good) {
        checksum_add(&sum, header, length);
        for (size_t i = 0; i < used; i++)
            tensor_pass(&list[i], &sum, NULL, m);
        checksum_end(header + DIGITS_AT, &sum);
    }
    struct durable file;
    good = good && durable_open(&file, path, m)
        && durable_write(&file, header, length, m);
    for (size_t i = 0; good && i < used; i++)
        good = tensor_pass(&list[i], NULL, &file, m);
    memory_free(header);
    return good && durable_commit(&file, m);
}
