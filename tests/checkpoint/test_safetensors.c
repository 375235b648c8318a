#include "support/cpu.h"
#include <dlfcn.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include <xxhash.h>
#include "checkpoint/durable.h"
#include "checkpoint/image.h"
#include "checkpoint/safetensors.h"
#include "ground/memory.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"

// Bad files
#define ENTRY(type, shape, place) \
    "{'dtype':" type ",'shape':" shape ",'data_offsets':" place "}"
#define F32(shape, place) ENTRY("'F32'", shape, place)
#define A(shape, place) "{'a':" F32(shape, place) "}"
#define AB(first, second) \
    "{'b':" F32("[1]", second) ",'a':" F32("[2]", first) "}"
#define B(shape, place) "{'b':" F32(shape, place) ",'a':"
#define META(value) "{'__metadata__':" value "}"

static const struct bad {
    const char *header;
    size_t data;
    const char *reason;
} bad[] = {
    // Headers that are not what a header is
    { "", 0, "does not begin with {" },
    { " {}", 0, "does not begin with {" },
    { "[]", 0, "does not begin with {" },
    { "{", 0, "not JSON: string or '}' expected" },
    { "{}x", 0, "not JSON: end of file expected" },
    { "{},{}", 0, "not JSON: end of file expected" },
    { "{'\xff':1}", 0, "not JSON: unable to decode byte" },
    { "{'a':1e999}", 0, "not JSON: real number overflow" },
    { "{'a\\u0000b':1}", 0, "not JSON: NUL byte in object key" },
    { META("{'x':'\\u0000'}"), 0, "not JSON: \\u0000 is not allowed" },
    { "{'a':1,'a':1}", 0, "not JSON: duplicate object key" },
    { "{'a':{'shape':1,'shape':1}}", 0, "duplicate object key" },
    { "{'__metadata__':{},'__metadata__':{}}", 0, "duplicate object key" },
    // Entries of the wrong kind
    { "{'a':4}", 0, "tensor a: its entry is no object" },
    { "{'a':null}", 0, "tensor a: its entry is no object" },
    { "{'a':['F32',[1],[0,4]]}", 4, "tensor a: its entry is no object" },
    { "{'a':{'shape':[1],'data_offsets':[0,4]}}", 4, "a: its dtype is" },
    { "{'a':" ENTRY("32", "[1]", "[0,4]") "}", 4, "a: its dtype is" },
    { "{'a':" ENTRY("null", "[1]", "[0,4]") "}", 4, "a: its dtype is" },
    { "{'a':" ENTRY("'F31'", "[1]", "[0,4]") "}", 4, "dtype F31 is not" },
    { "{'a':" ENTRY("'f32'", "[1]", "[0,4]") "}", 4, "dtype f32 is not" },
    { "{'a':" ENTRY("'F32 '", "[1]", "[0,4]") "}", 4, "dtype F32  is not" },
    { "{'a':" ENTRY("''", "[1]", "[0,4]") "}", 4, "dtype  is not" },
    { "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4],'x':1}}", 4,
      "has fields besides" },
    // Shapes and offsets of the wrong kind
    { "{'a':{'dtype':'F32','data_offsets':[0,4]}}", 4, "its shape is" },
    { A("1", "[0,4]"), 4, "its shape is missing or no list" },
    { A("{'0':1}", "[0,4]"), 4, "its shape is missing or no list" },
    { A("[1,1,1,1,1,1,1,1,1]", "[0,4]"), 4, "9 dimensions are more" },
    { A("[-1]", "[0,4]"), 4, "dimension 0 is no size" },
    { A("[1,1.0]", "[0,4]"), 4, "dimension 1 is no size" },
    { A("['1']", "[0,4]"), 4, "dimension 0 is no size" },
    { A("[true]", "[0,4]"), 4, "dimension 0 is no size" },
    { A("[1,1,null]", "[0,4]"), 4, "dimension 2 is no size" },
    { A("[[1]]", "[0,4]"), 4, "dimension 0 is no size" },
    { A("[18446744073709551617]", "[0,4]"), 4, "too big integer" },
    { "{'a':{'dtype':'F32','shape':[1]}}", 4, "offsets are missing" },
    { A("[1]", "4"), 4, "data_offsets are missing or no pair" },
    { A("[1]", "[4]"), 4, "data_offsets are missing or no pair" },
    { A("[1]", "[0,4,4]"), 4, "data_offsets are missing or no pair" },
    { A("[1]", "{'0':0,'1':4}"), 4, "data_offsets are missing or no pair" },
    { A("[1]", "[-4,0]"), 4, "data_offsets are no sizes" },
    { A("[1]", "[0,-4]"), 4, "data_offsets are no sizes" },
    { A("[1]", "[0,4.0]"), 4, "data_offsets are no sizes" },
    { A("[1]", "[0.0,4]"), 4, "data_offsets are no sizes" },
    { A("[1]", "['0','4']"), 4, "data_offsets are no sizes" },
    // Layouts that do not add up
    { A("[1]", "[4,0]"), 4, "it begins at byte 4 and ends at 0" },
    { A("[1]", "[0,4]"), 3, "it ends at byte 4 of 3" },
    { A("[1]", "[4,8]"), 4, "it ends at byte 8 of 4" },
    { A("[1]", "[9223372036854775800,9223372036854775804]"), 4, "of 4" },
    { A("[4294967296,4294967296]", "[0,0]"), 0, "its shape overflows" },
    { A("[4611686018427387904]", "[0,0]"), 0, "its shape overflows" },
    { A("[4611686018427387905]", "[0,4]"), 4, "its shape overflows" },
    { A("[9223372036854775807,4,0]", "[0,0]"), 0, "its shape overflows" },
    { A("[1]", "[0,8]"), 8, "takes 4 bytes, its data_offsets give 8" },
    { A("[3]", "[0,8]"), 8, "takes 12 bytes, its data_offsets give 8" },
    { A("[0]", "[0,4]"), 4, "takes 0 bytes, its data_offsets give 4" },
    { A("[]", "[0,8]"), 8, "takes 4 bytes, its data_offsets give 8" },
    { "{'a':" ENTRY("'F64'", "[1]", "[0,4]") "}", 4, "takes 8 bytes" },
    { "{'a':" ENTRY("'BF16'", "[1]", "[0,4]") "}", 4, "takes 2 bytes" },
    { AB("[0,8]", "[4,8]"), 8, "tensor b: it overlaps" },
    { AB("[0,8]", "[0,4]"), 8, "tensor a: it overlaps" },
    { AB("[0,8]", "[7,11]"), 11, "tensor b: it overlaps" },
    { AB("[4,12]", "[4,8]"), 12, "tensor b: there is a hole of 4 bytes" },
    { AB("[0,8]", "[9,13]"), 13, "tensor b: there is a hole of 1 bytes" },
    { A("[1]", "[1,5]"), 5, "tensor a: there is a hole of 1 bytes" },
    { A("[0]", "[4,4]"), 4, "tensor a: there is a hole of 4 bytes" },
    { A("[1]", "[0,4]"), 5, "1 bytes follow the last tensor" },
    { "{}", 7, "7 bytes follow the last tensor" },
    // Metadata and checksums of the wrong kind
    { META("[]"), 0, "its metadata are no object" },
    { META("'x'"), 0, "its metadata are no object" },
    { META("null"), 0, "its metadata are no object" },
    { META("{'x':1}"), 0, "metadata x is no text" },
    { META("{'y':'','x':null}"), 0, "metadata x is no text" },
    { META("{'x':{'y':'z'}}"), 0, "metadata x is no text" },
    { META("{'checksum':'0123456789abcdef'}"), 0, "of no known kind" },
    { META("{'checksum_kind':'fnv1a64'}"), 0, "of no known kind" },
    { META("{'checksum':'0123456789abcdef','checksum_kind':'crc'}"), 0,
      "of no known kind" },
    { META("{'checksum':'012345678','checksum_kind':'fnv1a64'}"), 0,
      "not where it belongs" },
    { META("{'checksum':'0123456789abcdef0','checksum_kind':'fnv1a64'}"), 0,
      "not where it belongs" },
    { META("{'checksum_kind':'fnv1a64','checksum':'0123456789abcdef'}"), 0,
      "not where it belongs" },
    { META("{'checksum': '0123456789abcdef','checksum_kind':'fnv1a64'}"),
      0, "not where it belongs" },
    { META("{'checksum':'0123456789abcdef','checksum_kind':'fnv1a64'}"), 0,
      "is 0123456789abcdef, its contents have 384043c37b35eaa1" },
    { META("{'checksum':'0123456789abcdef','checksum_kind':'xxh3_64'}"), 0,
      "is 0123456789abcdef, its contents have defa4b435e20334a: it is" },
};
enum { BAD = sizeof bad / sizeof *bad };
// Test bad files
static struct message refusal_of(struct image image)
{
    struct message m = { 0, "" };
    struct safetensors s;
    ck_assert(!image_open(&s, image, &m));
    ck_assert_ptr_null(s.header);
    ck_assert_ptr_null(s.list);
    return m;
}

/* fails if a check of the header, of an entry or of the layout is left
   out, or a product of a shape is not checked */
START_TEST(a_bad_file_is_refused_for_its_reason)
{
    struct message m = refusal_of(image_of(bad[_i].header,
                                           bad[_i].data));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert_msg(strstr(m.text, bad[_i].reason) != NULL,
                  "%s\nfor %s", m.text, bad[_i].header);
    ck_assert(strncmp(m.text, "x.st: ", 6) == 0);
}
END_TEST
// Test lengths of the header
static const uint64_t lengths[] = {
    3, 4, 1000, UINT64_C(1) << 31, UINT64_C(1) << 32,
    UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX - 7, UINT64_MAX - 8,
};

/* fails if the eight bytes of the length itself are counted as
   header */
START_TEST(a_header_longer_than_the_file_is_refused)
{
    struct image image = image_of("{}", 0);
    char reason[100];
    bool ours = lengths[_i] <= 16000000;
    for (size_t i = 0; i < 8; i++)
        image.bytes[i] = (unsigned char)(lengths[_i] >> 8 * i & 0xff);
    struct message m = refusal_of(image);
    snprintf(reason, sizeof reason, "x.st: %s: a header of %llu bytes "
             "%s", ours ? "it is cut off" : "not a safetensors file",
             (unsigned long long)lengths[_i],
             ours ? "does not fit into a file of 10"
                  : "is longer than 16000000");
    ck_assert_str_eq(m.text, reason);
}
END_TEST

/* fails if what Git LFS leaves in place of a file is taken for a long
   header */
START_TEST(what_is_another_kind_of_file_is_called_so)
{
    static const char *const files[][2] = {
        { "It was a truth universally acknowledged", "is longer than" },
        { "{\"layers\": 4, \"width\": 192}", "is longer than" },
        { "", "0 bytes are too few" }, { "short", "are too few" },
        { "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"
          "\nsize 12345\n", "git lfs pull" },
    };
    struct image image = { .size = strlen(files[_i][0]) };
    image.bytes = memory_new(image.size, 1, &(struct message){ 0 });
    memcpy(image.bytes, files[_i][0], image.size);
    struct message m = refusal_of(image);
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert(strncmp(m.text, "x.st: not a safetensors file", 28) == 0);
    ck_assert_ptr_nonnull(strstr(m.text, files[_i][1]));
    memory_free(image.bytes);
}
END_TEST

/* fails if the length is read from a file of fewer than eight bytes */
START_TEST(a_file_too_short_for_a_length_is_refused)
{
    struct image image = image_of("{}", 0);
    for (image.size = 0; image.size < 8; image.size++) {
        struct message m = refusal_of(image);
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert_ptr_nonnull(strstr(m.text, "too few for the length"));
    }
}
END_TEST
static char *repeated(const char *piece, size_t times)
{
    size_t length = strlen(piece);
    char *text = (char *)test_reals(length * times + 1);
    for (size_t i = 0; i < length * times; i++)
        text[i] = piece[i % length];
    return text;
}

/* fails if the bound of 16 MB is off by one, or the length counts
   itself */
START_TEST(a_long_header_is_refused_and_one_byte_less_is_not)
{
    struct message m = { 0, "" };
    struct safetensors s;
    char *header = repeated(" ", 16000001);
    memcpy(header, "{}", 2);
    ck_assert_ptr_nonnull(strstr(refusal_of(image_of(header, 0)).text,
        "a header of 16000001 bytes is longer than 16000000"));
    header[16000000] = '\0';
    struct image image = image_of(header, 0);
    ck_assert(image_open(&s, image, &m));
    safetensors_close(&s);
}
END_TEST

/* fails if nested objects are followed without a limit */
START_TEST(deep_nesting_is_refused_and_not_followed)
{
    char *header = repeated("{'a':", 100000);
    ck_assert_ptr_nonnull(strstr(refusal_of(image_of(header, 0)).text,
                                 "maximum parsing depth reached"));
}
END_TEST
// Test good files
static const struct good {
    const char *header;
    size_t data, tensors;
} good[] = {
    { "{}", 0, 0 },
    { "{}     ", 0, 0 },
    { META("{}"), 0, 0 },
    { META("{'x':''}"), 0, 0 },
    { A("[1]", "[0,4]"), 4, 1 },
    { A("[]", "[0,4]"), 4, 1 },
    { A("[0]", "[0,0]"), 0, 1 },
    { A("[0,9223372036854775807,9]", "[0,0]"), 0, 1 },
    { A("[1,1,1,1,1,1,1,2]", "[0,8]"), 8, 1 },
    { AB("[0,8]", "[8,12]"), 12, 2 },
    { AB("[4,12]", "[0,4]"), 12, 2 },
    { B("[1]", "[0,4]") F32("[0]", "[0,0]") "}", 4, 2 },
    { B("[0]", "[0,0]") F32("[1]", "[0,4]") "}", 4, 2 },
    { B("[0]", "[4,4]") F32("[1]", "[0,4]") "}", 4, 2 },
};
enum { GOOD = sizeof good / sizeof *good };

/* fails if an empty tensor, a number without dimensions or another
   order of the entries is refused */
START_TEST(an_odd_but_good_file_is_read)
{
    struct message m = { 0, "" };
    struct safetensors s;
    struct image image = image_of(good[_i].header, good[_i].data);
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    ck_assert_uint_eq(s.used, good[_i].tensors);
    ck_assert_uint_eq(s.bytes, good[_i].data);
    ck_assert(!s.verified);
    for (size_t i = 1; i < s.used; i++)
        ck_assert(s.list[i].begin >= s.list[i - 1].end);
    safetensors_close(&s);
}
END_TEST
// Test the conversion of numbers
static const char mixed[] = "{'f':" F32("[2]", "[2,10]")
    ",'h':" ENTRY("'BF16'", "[1]", "[0,2]")
    ",'d':" ENTRY("'F64'", "[1,2]", "[10,26]") "}  ";

/* fails if a type has another's size, or BF16 is the lower half of a
   float */
START_TEST(every_type_is_converted)
{
    struct message m = { 0, "" };
    struct safetensors s;
    const unsigned char half[2] = { 0xc0, 0xbf };       /* -1.5 */
    const float single[2] = { 0.75f, -3 };
    const double wide[2] = { -0.5, 1024 };
    const real want[5] = { (real)-1.5, (real)0.75, -3, (real)-0.5,
                           1024 };
    real got[5];
    struct image image = image_of(mixed, 26);
    unsigned char *data = image.bytes + image.size - 26;
    memcpy(data, half, 2);
    memcpy(data + 2, single, 8);
    memcpy(data + 10, wide, 16);
    ck_assert(image_open(&s, image, &m));
    ck_assert(tensor_copy(got, &s, "h", 1,
                          (const size_t[]){ 1 }, &m));
    ck_assert(tensor_copy(got + 1, &s, "f", 1,
                          (const size_t[]){ 2 }, &m));
    ck_assert(tensor_copy(got + 3, &s, "d", 2,
                          (const size_t[]){ 1, 2 }, &m));
    assert_same(got, want, 5);
    safetensors_close(&s);
}
END_TEST

/* fails if F16 loses its sign, its subnormals or its infinity, or I64
   is converted */
START_TEST(half_precision_is_converted_and_integers_are_not)
{
    static const char header[] = "{'e':" ENTRY("'F16'", "[6]", "[0,12]")
        ",'i':" ENTRY("'I64'", "[1]", "[12,20]") "}";
    const uint16_t half[6] = { 0x3c00, 0xc000, 0x8001, 0x7bff, 0xfc00,
                               0x7e00 };
    const real want[5] = { 1, -2, (real)-0x1p-24, 65504,
                           (real)-INFINITY };
    struct message m = { 0, "" };
    struct safetensors s;
    real got[6];
    struct image image = image_of(header, 20);
    memcpy(image.bytes + image.size - 20, half, sizeof half);
    ck_assert(image_open(&s, image, &m));
    ck_assert(tensor_copy(got, &s, "e", 1,
                          (const size_t[]){ 6 }, &m));
    assert_same(got, want, 5);
    ck_assert(isnan(got[5]));
    ck_assert(!tensor_copy(got, &s, "i", 1,
                           (const size_t[]){ 1 }, &m));
    ck_assert_str_eq(m.text, "x.st: tensor i: its dtype I64 is not one "
                     "that we calculate with");
    safetensors_close(&s);
}
END_TEST

/* fails if the table gives one of the types a wrong number of bytes */
START_TEST(what_is_stepped_over_has_its_size)
{
    static const struct { const char *name; size_t bytes; } type[] = {
        { "I64", 8 }, { "I32", 4 }, { "I16", 2 }, { "I8", 1 },
        { "U64", 8 }, { "U32", 4 }, { "U16", 2 }, { "U8", 1 },
        { "BOOL", 1 }, { "F8_E4M3", 1 }, { "F8_E5M2", 1 } };
    for (size_t i = 0; i < sizeof type / sizeof *type; i++)
        for (size_t bytes = 1; bytes <= 8; bytes++) {
            char header[120];
            struct message m = { 0, "" };
            struct safetensors s;
            snprintf(header, sizeof header, "{'a':" ENTRY("'%s'", "[3]",
                     "[0,%zu]") "}", type[i].name, 3 * bytes);
            struct image image = image_of(header, 3 * bytes);
            bool good = image_open(&s, image, &m);
            ck_assert_msg(good == (bytes == type[i].bytes), "%s",
                          type[i].name);
            if (good)
                safetensors_close(&s);
        }
}
END_TEST
/* fails if only the number of elements is compared and not the shape */
START_TEST(another_shape_or_name_is_refused)
{
    static const struct { const char *name; size_t rank, shape[3];
                          const char *reason; } wrong[] = {
        { "g", 1, { 2 }, "x.st: tensor g: it is missing" },
        { "f", 1, { 3 }, "tensor f: its shape is [2], expected [3]" },
        { "f", 2, { 2, 1 }, "its shape is [2], expected [2,1]" },
        { "f", 0, { 2 }, "its shape is [2], expected []" },
        { "d", 2, { 2, 1 }, "its shape is [1,2], expected [2,1]" },
        { "d", 2, { 1, 3 }, "its shape is [1,2], expected [1,3]" },
    };
    struct message m = { 0, "" };
    struct safetensors s;
    real got[2] = { 7, 7 };
    struct image image = image_of(mixed, 26);
    ck_assert(image_open(&s, image, &m));
    ck_assert(!tensor_copy(got, &s, wrong[_i].name, wrong[_i].rank,
                           wrong[_i].shape, &m));
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert_msg(strstr(m.text, wrong[_i].reason) != NULL, "%s",
                  m.text);
    ck_assert(got[0] == 7 && got[1] == 7);
    safetensors_close(&s);
}
END_TEST
// Test messages
/* fails if a line feed or an escape in a name reaches the terminal */
START_TEST(a_message_is_one_printable_line)
{
    struct message m = refusal_of(image_of(
        "{'a\\n\\u001b[31m\xc3\xa9\\u007f~ ':1}", 0));
    ck_assert_str_eq(m.text, "x.st: tensor a??[31m???~ : its entry is "
                     "no object");
    m = refusal_of(image_of("{'dtype\\u0007':\\x}", 0));
    for (const char *c = m.text; *c != '\0'; c++)
        ck_assert(*c >= ' ' && *c <= '~');
}
END_TEST

/* fails if a long name pushes the reason out of the line */
START_TEST(a_long_name_is_cut)
{
    char header[600];
    snprintf(header, sizeof header, "{'%s':1}", repeated("n", 500));
    struct message m = refusal_of(image_of(header, 0));
    const char *name = m.text + strlen("x.st: tensor ");
    ck_assert_uint_eq(strspn(name, "n"), 63);
    ck_assert_ptr_nonnull(strstr(m.text, ": its entry is no object"));
}
END_TEST
// Test the checksum
/* fails if the digits are summed as they are and not as zeros */
START_TEST(a_repaired_checksum_is_right)
{
    static const char *const header[2] = {
        META("{'checksum':'0123456789abcdef',"
             "'checksum_kind':'xxh3_64'}"),
        META("{'checksum':'0123456789abcdef',"
             "'checksum_kind':'fnv1a64'}") };
    struct message m = { 0, "" };
    struct safetensors s;
    struct image image = image_of(header[_i], 0);
    image_repair(image);
    ck_assert_msg(image_open(&s, image, &m), "%s", m.text);
    ck_assert(s.verified);
    safetensors_close(&s);
    ck_assert(XXH3_64bits("", 0) == 0x2d06800538d394c2);
}
END_TEST
// Test the round trip
static real numbers[9];
static const struct tensor two[2] = {
    { .name = "a", .rank = 2, .shape = { 2, 3 }, .data = numbers },
    { .name = "b", .rank = 1, .shape = { 3 }, .data = numbers + 6 },
};
static const struct text_pair pair[2] = { { "step", "7" },
                                          { "e\"", "\xc3\xa9\n" } };

static void numbers_make(void)
{
    fill_normal(numbers, 9, 1, 1);
    numbers[2] = (real)-0.0;
    numbers[4] = (real)INFINITY;
    memset(&numbers[7], 0xff, sizeof(real));
}

/* fails if the header is not filled up to eight bytes, or a quotation
   mark in a key is not escaped */
START_TEST(what_is_written_is_read_bit_for_bit)
{
    struct message m = { 0, "" };
    struct safetensors s;
    real got[9];
    numbers_make();
    const char *path = folder_file("x.safetensors");
    ck_assert_msg(safetensors_write(path, two, 2, pair, 2, &m), "%s",
                  m.text);
    ck_assert_msg(safetensors_open(&s, path, &m), "%s", m.text);
    ck_assert(s.verified);
    ck_assert_uint_eq(s.used, 2);
    ck_assert_uint_eq(s.start % 8, 0);
    ck_assert(tensor_copy(got, &s, "a", 2, two[0].shape, &m));
    ck_assert(tensor_copy(got + 6, &s, "b", 1, two[1].shape, &m));
    assert_same(got, numbers, 9);
    ck_assert_str_eq(safetensors_text(&s, "step"), "7");
    ck_assert_str_eq(safetensors_text(&s, "e\""), "\xc3\xa9\n");
    ck_assert_ptr_null(safetensors_text(&s, "f"));
    ck_assert_ptr_null(safetensors_find(&s, "__metadata__"));
    safetensors_close(&s);
    safetensors_close(&s);
    ck_assert_ptr_null(safetensors_text(&s, "step"));
}
END_TEST
static const size_t counts[] = { 16383, 16384, 16385, 50000 };

/* fails if the last piece of a tensor is too long or too short */
START_TEST(a_tensor_of_many_pieces_comes_back)
{
    struct message m = { 0, "" };
    struct safetensors s;
    const size_t count = counts[_i] * 4 / sizeof(real);
    real *want = test_reals(count), *got = test_reals(count);
    fill_normal(want, count, 1, 1);
    const struct tensor t[2] = {
        { .name = "host", .rank = 1, .shape = { count }, .data = want },
        { .name = "device", .rank = 1, .shape = { count }, .data = want,
          .device = &cpu },
    };
    const char *path = folder_file("x.safetensors");
    ck_assert_msg(safetensors_write(path, t, 2, NULL, 0, &m), "%s",
                  m.text);
    ck_assert_msg(safetensors_open(&s, path, &m), "%s", m.text);
    for (size_t i = 0; i < 2; i++) {
        ck_assert(tensor_copy(got, &s, t[i].name, 1, &count,
                              &m));
        assert_same(got, want, count);
        memset(got, 0, count * sizeof *got);
    }
    ck_assert_uint_eq(s.bytes, 2 * count * sizeof(real));
    safetensors_close(&s);
}
END_TEST
/* fails if writer and reader agree on a format of their own */
START_TEST(the_bytes_of_a_file_are_these)
{
    #define SIZE_NAME (sizeof(real) == 8 ? "F64" : "F32")
    struct message m = { 0, "" };
    struct safetensors s;
    const real half = (real)0.5;
    const struct tensor t[2] = {
        { .name = "t", .data = &half },
        { .name = "u", .rank = 2, .shape = { 3, 0 }, .data = &half } };
    const char *path = folder_file("x.safetensors");
    char want[400];
    int length = snprintf(want, sizeof want,
        "{\"__metadata__\":{\"checksum\":\"0000000000000000\","
        "\"checksum_kind\":\"xxh3_64\"},\"t\":{\"dtype\":\"%s\","
        "\"shape\":[],\"data_offsets\":[0,%zu]},\"u\":{\"dtype\":"
        "\"%s\",\"shape\":[3,0],\"data_offsets\":[%zu,%zu]}}",
        SIZE_NAME, sizeof half, SIZE_NAME, sizeof half, sizeof half);
    while (length % 8 != 0)
        want[length++] = ' ';
    want[length] = '\0';
    ck_assert(safetensors_write(path, t, 2, NULL, 0, &m));
    ck_assert(safetensors_open(&s, path, &m));
    struct image image = image_of(want, sizeof half);
    ck_assert_uint_eq(s.size, image.size);
    memcpy(image.bytes + 8 + length, &half, sizeof half);
    image_repair(image);
    ck_assert(memcmp(s.image, image.bytes, s.start) == 0);
    real got = 0;
    ck_assert(safetensors_bytes(&got, &s, 0, s.bytes, &m));
    ck_assert(s.bytes == sizeof got && got == half);
    safetensors_close(&s);
}
END_TEST
#define NAMED(text) { .name = text, .rank = 1, .shape = { 1 }, \
                      .data = numbers }
static const struct tensor twice[2] = { NAMED("a"), NAMED("a") };
static const struct tensor reserved = NAMED("__metadata__");
static const struct tensor not_utf8 = NAMED("\xff");
static const struct text_pair twin[2] = { { "k", "1" }, { "k", "2" } };
static const struct text_pair own = { "checksum", "1" };
static const struct text_pair other = { "k", "\xff" };
static const struct { const struct tensor *t; size_t used;
    const struct text_pair *p; size_t pairs; int status; } unfit[] = {
    { twice, 2, NULL, 0, EX_SOFTWARE },
    { &reserved, 1, pair, 1, EX_SOFTWARE },
    { &not_utf8, 1, NULL, 0, EX_OSERR },
    { twice, 1, twin, 2, EX_SOFTWARE },
    { twice, 1, &own, 1, EX_SOFTWARE },
    { twice, 1, &other, 1, EX_OSERR },
};

/* fails if a name that occurs twice replaces the first one */
START_TEST(what_cannot_be_read_again_is_not_written)
{
    struct message m = { 0, "" };
    const char *path = folder_file("x.safetensors");
    ck_assert(!safetensors_write(path, unfit[_i].t, unfit[_i].used,
                                 unfit[_i].p, unfit[_i].pairs, &m));
    ck_assert_int_eq(m.status, unfit[_i].status);
    ck_assert(!file_there(path));
}
END_TEST
#include "support/fp8_by_search.h"

/* fails if a code is written or read as another, gets another's value,
   or loses its sign where it is zero, infinite or no number */
START_TEST(all_codes_of_eight_bits_are_written_and_read)
{
    static const char *const name[] = { "F8_E4M3", "F8_E5M2" };
    struct message m = { 0, "" };
    struct safetensors s;
    unsigned char code[257], got[256];
    real number[256];
    struct tensor t[3] = {
        { .name = "first", .rank = 1, .shape = { 3 }, .code = code,
          .code_type = name[!_i] },
        { .name = "all", .rank = 2, .shape = { 16, 16 },
          .code = code + 1, .code_type = name[_i] },
        { .name = "real", .rank = 1, .shape = { 9 },
          .data = numbers } };
    const struct fp8_format k = _i == 0 ? FP8_E4M3 : FP8_E5M2;
    numbers_make();
    for (size_t i = 0; i < 257; i++)
        code[i] = (unsigned char)(i + 255);
    const char *path = folder_file("x.safetensors");
    ck_assert_msg(safetensors_write(path, t, 3, NULL, 0, &m), "%s",
                  m.text);
    ck_assert_msg(safetensors_open(&s, path, &m), "%s", m.text);
    ck_assert(s.verified);
    ck_assert_uint_eq(s.bytes, 3 + 256 + 9 * sizeof(real));
    const struct entry *e = safetensors_find(&s, "all");
    ck_assert_str_eq(e->type->name, name[_i]);
    ck_assert(safetensors_bytes(got, &s, e->begin, 256, &m));
    ck_assert_int_eq(memcmp(got, code + 1, 256), 0);
    ck_assert(tensor_copy(number, &s, "all", 2, t[1].shape, &m));
    for (unsigned i = 0; i < 256; i++) {
        double size = fp8_size(i & 0x7f, k);
        bool none = (i & 0x7f) > (_i == 0 ? 0x7eu : 0x7cu);
        if (_i == 1 && (i & 0x7f) == 0x7c)
            size = (double)INFINITY;
        ck_assert((signbit(number[i]) != 0) == (i > 127));
        ck_assert(none ? isnan(number[i])
                       : fabs((double)number[i]) == size);
    }
    ck_assert(tensor_copy(number, &s, "real", 1, t[2].shape, &m));
    assert_same(number, numbers, 9);
    safetensors_close(&s);
}
END_TEST

/* fails if eight bits take another number of bytes, or a message does
   not name all types that are read */
START_TEST(eight_bits_are_one_byte)
{
    static const char *const wrong[] = { "F8_E4M3", "F8_E5M2" };
    char header[200];
    for (size_t bytes = 0; bytes < 10; bytes++) {
        struct message m = { 0, "" };
        struct safetensors s;
        snprintf(header, sizeof header, "{'a':" ENTRY("'%s'", "[5]",
                 "[0,%zu]") "}", wrong[_i], bytes);
        bool good = image_open(&s, image_of(header, bytes), &m);
        ck_assert(good == (bytes == 5));
        if (good)
            safetensors_close(&s);
        else
            ck_assert_ptr_nonnull(strstr(m.text, "takes 5 bytes"));
    }
    struct message m = refusal_of(image_of("{'a':" ENTRY("'F8_E3M4'",
                                           "[5]", "[0,5]") "}", 5));
    ck_assert_str_eq(m.text, "x.st: tensor a: dtype F8_E3M4 is not one "
                     "of F64, F32, BF16, F16, F8_E4M3, F8_E5M2");
}
END_TEST
// Test damage
static struct image written(void)
{
    struct message m = { 0, "" };
    struct safetensors s;
    const char *path = folder_file("x.safetensors");
    numbers_make();
    ck_assert(safetensors_write(path, two, 2, pair, 2, &m));
    ck_assert(safetensors_open(&s, path, &m));
    struct image image = image_of("", s.size - 8);
    memcpy(image.bytes, s.image, s.start);
    ck_assert(safetensors_bytes(image.bytes + s.start, &s, 0, s.bytes,
                                &m));
    safetensors_close(&s);
    return image;
}

static struct image written_as(bool old)
{
    struct image image = written();
    char *kind = memmem(image.bytes, image.size, "xxh3_64", 7);
    ck_assert_ptr_nonnull(kind);
    memcpy(kind, old ? "fnv1a64" : "xxh3_64", 7);
    image_repair(image);
    return image;
}

static bool is_read(struct image image)
{
    struct message m = { 0, "" };
    struct safetensors s;
    bool good = image_open(&s, image, &m);
    ck_assert(good || m.status == EX_DATAERR);
    if (good)
        safetensors_close(&s);
    return good;
}

/* fails if the end of the last tensor is not held against the file's */
START_TEST(a_file_cut_short_anywhere_is_refused)
{
    struct image image = written();
    ck_assert(is_read(image));
    while (image.size-- > 0)
        ck_assert(!is_read(image));
}
END_TEST

/* fails if the sum leaves out a byte, be it a space behind the
   header */
START_TEST(a_file_with_any_byte_changed_is_refused)
{
    struct image image = written_as(_i == 1);
    ck_assert(is_read(image));
    for (size_t i = 0; i < image.size; i++)
        for (unsigned change = 1; change < 256; change *= 2) {
            image.bytes[i] ^= (unsigned char)change;
            ck_assert_msg(!is_read(image), "byte %zu, %02x", i, change);
            image.bytes[i] ^= (unsigned char)change;
        }
    ck_assert(is_read(image));
}
END_TEST
/* fails if files with the sum of the old kind are refused, or not
   summed */
START_TEST(an_old_file_is_read_and_its_damage_is_found)
{
    static unsigned char bytes[8192];
    FILE *file = fopen("data/fnv.safetensors", "rb");
    ck_assert_ptr_nonnull(file);
    struct image image = { bytes, fread(bytes, 1, sizeof bytes, file) };
    fclose(file);
    ck_assert(image.size > 6000 && image.size < sizeof bytes);
    ck_assert(is_read(image));
    for (size_t i = 0; i < image.size; i++) {
        unsigned char change = (unsigned char)(1 << i % 8);
        bytes[i] ^= change;
        ck_assert_msg(!is_read(image), "byte %zu, %02x", i, change);
        bytes[i] ^= change;
    }
}
END_TEST
// Test failures of reading
static int reads;

static ssize_t read_trickle(int handle, void *bytes, size_t count)
{
    if (reads++ % 2 == 0) {
        errno = EINTR;
        return -1;
    }
    return read(handle, bytes, count < 1 ? count : 1);
}

static ssize_t read_nothing(int handle, void *bytes, size_t count)
{
    return reads++ < 3 ? read(handle, bytes, count < 5 ? count : 5) : 0;
}

static ssize_t read_broken(int handle, void *bytes, size_t count)
{
    (void)handle, (void)bytes, (void)count;
    errno = EIO;
    return -1;
}

/* fails if a short or an interrupted read is taken for the file's
   end */
START_TEST(a_file_is_read_in_pieces_of_any_size)
{
    struct message m = { 0, "" };
    struct safetensors s;
    written();
    file_calls.read = read_trickle;
    reads = 0;
    bool good = safetensors_open(&s, folder_file("x.safetensors"), &m);
    file_calls.read = read;
    ck_assert_msg(good, "%s", m.text);
    safetensors_close(&s);
}
END_TEST

/* fails if the end of a file that becomes shorter is not noticed */
START_TEST(a_read_that_fails_is_reported)
{
    ssize_t (*const calls[2])(int, void *, size_t) = { read_nothing,
                                                       read_broken };
    static const char *const reason[2] = { "became shorter",
                                           "Input/output error" };
    struct message m = { 0, "" };
    struct safetensors s;
    written();
    const char *path = folder_file("x.safetensors");
    file_calls.read = calls[_i];
    reads = 0;
    bool good = safetensors_open(&s, path, &m);
    file_calls.read = read;
    ck_assert(!good);
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert_ptr_nonnull(strstr(m.text, reason[_i]));
    ck_assert(strncmp(m.text, path, strlen(path)) == 0);
}
END_TEST
static int reads_left;

static ssize_t read_so_often(int handle, void *bytes, size_t count)
{
    return reads_left-- > 0 ? read(handle, bytes, count)
                            : read_broken(handle, bytes, count);
}

static bool read_all(const char *path, const char *name, size_t rank,
                     const size_t *shape, struct message *m)
{
    struct safetensors s;
    real got[6];
    file_calls.read = read_so_often;
    bool good = safetensors_open(&s, path, m);
    if (good) {
        good = tensor_copy(got, &s, name, rank, shape, m);
        safetensors_close(&s);
    }
    file_calls.read = read;
    return good;
}

/* fails if the answer of one of the reads is not looked at */
START_TEST(any_failed_read_is_reported)
{
    static const struct { const char *name; size_t rank, shape[2];
                          int reads; } tensor[] = {
        { "a", 2, { 2, 3 }, 4 }, { "h", 1, { 1 }, 3 } };
    struct image image = _i == 0 ? written() : image_of(mixed, 26);
    const char *path = folder_file("x.st");
    FILE *file = fopen(path, "wb");
    bool good = false;
    fwrite(image.bytes, 1, image.size, file);
    fclose(file);
    for (int k = 0; !good; k++) {
        struct message m = { 0, "" };
        reads_left = k;
        good = read_all(path, tensor[_i].name, tensor[_i].rank,
                        tensor[_i].shape, &m);
        ck_assert(good == (k == tensor[_i].reads));
        ck_assert_int_eq(m.status, good ? 0 : EX_IOERR);
        ck_assert(good || strstr(m.text, "Input/output") != NULL);
    }
}
END_TEST

/* fails if a tensor is given out although its bytes could not be
   fetched */
START_TEST(a_file_that_went_away_is_reported)
{
    struct message m = { 0, "" };
    struct safetensors s;
    real got[6];
    written();
    ck_assert(safetensors_open(&s, folder_file("x.safetensors"), &m));
    close(s.handle);
    ck_assert(!tensor_copy(got, &s, "a", 2,
                           (const size_t[]){ 2, 3 }, &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert_ptr_nonnull(strstr(m.text, "Bad file descriptor"));
    safetensors_close(&s);
}
END_TEST
/* fails if a folder or a device is read as a file of tensors */
START_TEST(what_is_no_file_is_no_input)
{
    static const char *const path[] = { "missing", "", "/dev/zero" };
    static const char *const reason[] = { "No such file",
        "not an ordinary file", "not an ordinary file" };
    struct message m = { 0, "" };
    struct safetensors s;
    ck_assert(!safetensors_open(&s, path[_i][0] == '/' ? path[_i]
                                : folder_file(path[_i]), &m));
    ck_assert_int_eq(m.status, EX_NOINPUT);
    ck_assert_msg(strstr(m.text, reason[_i]) != NULL, "%s", m.text);
}
END_TEST

/* fails if closing leaves the handle or the memory of the header
   behind */
START_TEST(handles_and_images_are_given_back)
{
    struct message m = { 0, "" };
    struct safetensors s;
    written();
    const char *path = folder_file("x.safetensors");
    int before = dup(0);
    close(before);
    for (int i = 0; i < 3; i++) {
        ck_assert(safetensors_open(&s, path, &m));
        safetensors_close(&s);
        ck_assert_ptr_null(s.image);
    }
    int after = dup(0);
    close(after);
    ck_assert_int_eq(before, after);
}
END_TEST
// Test failures of memory
static size_t json_left;

static void *json_scarce(size_t size)
{
    if (json_left == 0)
        return NULL;
    json_left--;
    return malloc(size);
}

static bool round_trip(const char *path, struct message *m)
{
    struct safetensors s;
    if (!safetensors_write(path, two, 2, pair, 2, m)
        || !safetensors_open(&s, path, m))
        return false;
    safetensors_close(&s);
    return true;
}

/* fails if the answer of an allocation is not looked at, or not
   reported */
START_TEST(any_failed_allocation_is_reported)
{
    struct message m = { 1, "" };
    const char *path = folder_file("x.safetensors");
    size_t k = 0;
    for (; m.status != 0; k++) {
        m = (struct message){ 0, "" };
        memory_allow(k);
        bool good = round_trip(path, &m);
        memory_allow(SIZE_MAX);
        ck_assert(good == (m.status == 0));
        ck_assert(good || m.status == EX_OSERR);
    }
    ck_assert_uint_eq(k, 4);
}
END_TEST

/* fails if an object that jansson could not make is used, or not
   reported */
START_TEST(any_failed_allocation_of_json_is_reported)
{
    struct message m = { 1, "" };
    const char *path = folder_file("x.safetensors");
    size_t k = 0;
    for (; m.status != 0; k++) {
        m = (struct message){ 0, "" };
        json_left = k;
        json_set_alloc_funcs(json_scarce, free);
        bool good = round_trip(path, &m);
        json_set_alloc_funcs(malloc, free);
        ck_assert(good == (m.status == 0));
        ck_assert(good || m.status == EX_OSERR
                  || m.status == EX_DATAERR);
    }
    ck_assert_uint_gt(k, 20);
}
END_TEST
static size_t json_before;

static void *json_fails_once(size_t size)
{
    return json_before-- == 0 ? NULL : malloc(size);
}

/* fails if a dimension that found no memory is missing in the shape
   that is written */
START_TEST(a_header_that_lacks_anything_is_not_written)
{
    const char *path = folder_file("x.safetensors");
    size_t k = 0;
    for (bool reached = true; reached; k++) {
        struct message m = { 0, "" };
        json_before = k;
        json_set_alloc_funcs(json_fails_once, free);
        bool good = safetensors_write(path, two, 2, pair, 2, &m);
        json_set_alloc_funcs(malloc, free);
        reached = json_before == SIZE_MAX || json_before > k;
        ck_assert_int_eq(good, !reached);
        ck_assert_int_eq(m.status, good ? 0 : EX_OSERR);
        ck_assert_int_eq(file_there(path), good);
    }
    ck_assert_uint_gt(k, 40);
}
END_TEST
static bool no_state;

XXH3_state_t *XXH3_createState(void)
{
    XXH3_state_t *(*make)(void) = NULL;
    *(void **)&make = dlsym(RTLD_NEXT, "XXH3_createState");
    return no_state ? NULL : make();
}

/* fails if a state that could not be made is used for a sum */
START_TEST(a_checksum_without_memory_is_reported)
{
    struct message m[2] = { { 0, "" } };
    struct safetensors s;
    const char *path = folder_file("x.safetensors");
    no_state = true;
    ck_assert(!safetensors_write(path, two, 2, pair, 2, &m[0]));
    ck_assert(!file_there(path));
    no_state = false;
    written();
    no_state = true;
    ck_assert(!safetensors_open(&s, path, &m[1]));
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_eq(m[i].status, EX_OSERR);
        ck_assert_ptr_nonnull(strstr(m[i].text, "memory for its chec"));
    }
}
END_TEST

// The suite of the file format
Suite *safetensors_suite(void);
Suite *safetensors_suite(void)
{
    Suite *s = suite_create("safetensors");
    TCase *c = tcase_create("hostile files");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, a_bad_file_is_refused_for_its_reason, 0,
                        BAD);
    tcase_add_loop_test(c, what_is_another_kind_of_file_is_called_so, 0,
                        5);
    tcase_add_loop_test(c, a_header_longer_than_the_file_is_refused, 0,
                        sizeof lengths / sizeof *lengths);
    tcase_add_test(c, a_file_too_short_for_a_length_is_refused);
    tcase_add_test(c,
        a_long_header_is_refused_and_one_byte_less_is_not);
    tcase_add_test(c, deep_nesting_is_refused_and_not_followed);
    tcase_add_loop_test(c, an_odd_but_good_file_is_read, 0, GOOD);
    tcase_add_test(c, a_message_is_one_printable_line);
    tcase_add_test(c, a_long_name_is_cut);
    // The other cases of the file format
    c = tcase_create("tensors");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_test(c, every_type_is_converted);
    tcase_add_test(c, half_precision_is_converted_and_integers_are_not);
    tcase_add_test(c, what_is_stepped_over_has_its_size);
    tcase_add_loop_test(c, another_shape_or_name_is_refused, 0, 6);
    tcase_add_test(c, what_is_written_is_read_bit_for_bit);
    tcase_add_loop_test(c, a_tensor_of_many_pieces_comes_back, 0,
                        sizeof counts / sizeof *counts);
    tcase_add_test(c, the_bytes_of_a_file_are_these);
    tcase_add_loop_test(c, what_cannot_be_read_again_is_not_written, 0,
                        sizeof unfit / sizeof *unfit);

    c = tcase_create("damage");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_loop_test(c, a_repaired_checksum_is_right, 0, 2);
    tcase_add_test(c, a_file_cut_short_anywhere_is_refused);
    tcase_add_loop_test(c, a_file_with_any_byte_changed_is_refused, 0, 2);
    tcase_add_test(c, an_old_file_is_read_and_its_damage_is_found);
    tcase_add_test(c, a_file_is_read_in_pieces_of_any_size);
    tcase_add_loop_test(c, a_read_that_fails_is_reported, 0, 2);
    tcase_add_loop_test(c, any_failed_read_is_reported, 0, 2);
    tcase_add_test(c, a_file_that_went_away_is_reported);
    tcase_add_loop_test(c, what_is_no_file_is_no_input, 0, 3);
    tcase_add_test(c, handles_and_images_are_given_back);
    tcase_add_test(c, any_failed_allocation_is_reported);
    tcase_add_test(c, a_checksum_without_memory_is_reported);
    tcase_add_test(c, a_header_that_lacks_anything_is_not_written);
    tcase_add_test(c, any_failed_allocation_of_json_is_reported);
    c = tcase_create("eight bits");
    suite_add_tcase(s, c);
    tcase_add_checked_fixture(c, folder_make, folder_remove);
    tcase_add_loop_test(c, all_codes_of_eight_bits_are_written_and_read, 0,
                        2);
    tcase_add_loop_test(c, eight_bits_are_one_byte, 0, 2);
    return s;
}
