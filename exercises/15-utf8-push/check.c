#include <stdio.h>
#include "ground/random.h"
#include "sampling/reference.h"
#include "sampling/utf8.h"
#include "support/lab.h"

enum { MOST = 8, ROOM = (MOST + 1) * UTF8_ROOM };
/* the judge's table of characters, in the answer's process */
#define FORGET memset(utf8_known, 0, sizeof utf8_known)

// Push a sequence of bytes
struct pushed {
    char text[ROOM];
    size_t used;
    unsigned char after[MOST];  /* used, after each byte */
    bool sane;
};

IN_CHILD
static struct pushed push_all(const unsigned char *in, size_t count,
                              const unsigned char *beside)
{
    struct pushed p = { .sane = true };
    struct utf8 u = { .used = 0 }, other = u;
    for (size_t i = 0; i < count && p.sane; i++) {
        char out[UTF8_ROOM] = "";
        if (beside != NULL && other.used < sizeof other.held)
            utf8_push(out, &other, beside[i]);
        size_t n = utf8_push(out, &u, in[i]);
        p.sane = n <= sizeof out && u.used < sizeof u.held;
        if (p.sane) {
            memcpy(p.text + p.used, out, n);
            p.used += n;
        }
        p.after[i] = (unsigned char)p.used;
    }
    if (p.sane && u.used > 0) {
        memcpy(p.text + p.used, "\xEF\xBF\xBD", 3);
        p.used += 3;
    }
    return p;
}

// Recognise what went wrong
static bool is(const struct pushed *p, const char *text, size_t count)
{
    return p->used == count && memcmp(p->text, text, count) == 0;
}

/* bytes that are no part of a U+FFFD */
static size_t genuine(const struct pushed *p)
{
    size_t count = p->used;
    for (size_t i = 0; i + 3 <= p->used; i++)
        if (memcmp(p->text + i, "\xEF\xBF\xBD", 3) == 0)
            count -= 3;
    return count;
}

static bool in_time(const struct pushed *p, const unsigned char *in,
                    size_t count)
{
    char text[ROOM];
    size_t i = 0;
    while (i < count
           && utf8_reference(text, in, i + 1, false) == p->after[i])
        i++;
    return i == count;
}

static const char *recognise(const struct pushed *p,
                             const struct pushed *want,
                             const unsigned char *in, size_t count)
{
    if (!p->sane)
        return ": so many bytes cannot come, or be held";
    if (is(p, want->text, want->used))
        return ": right at last, but something came too early or late";
    bool follow = count > 1 && in[0] >= 0xC0;
    for (size_t i = 1; i < count; i++)
        follow = follow && in[i] / 64 == 2;
    if (is(p, (const void *)in, count))
        return follow ? ": a forbidden character was passed on"
                      : ": the bytes were passed on as they came";
    if (p->used > want->used && genuine(p) == genuine(want))
        return ": one U+FFFD for each byte that was held?";
    return p->used < want->used || genuine(p) < genuine(want)
        ? ": the byte that broke a character must be looked at again"
        : "";
}

// The sequences of the lab
static void print_bytes(char *to, const void *bytes, size_t count)
{
    const unsigned char *byte = bytes;
    *to = '\0';
    for (size_t i = 0; i < count; i++)
        to += sprintf(to, i == 0 ? "%02X" : " %02X", byte[i]);
}

static const char *many;        /* what is tried, if what is NULL */

static bool try(const char *what, const unsigned char *in, size_t count,
                struct pushed got)
{
    struct pushed want = { .sane = true };
    char given[3 * ROOM], shown[3 * ROOM], right[3 * ROOM];
    got.sane = got.sane && got.used <= ROOM;
    got.used = got.sane ? got.used : 0;
    want.used = utf8_reference(want.text, in, count, true);
    bool good = got.sane && is(&got, want.text, want.used)
             && in_time(&got, in, count);
    if (good && what == NULL)
        return true;
    print_bytes(given, in, count);
    print_bytes(shown, got.text, got.used);
    print_bytes(right, want.text, want.used);
    return lab_true(what ? what : many, good, "%s gave"
                    " %s, wanted %s%s", given, shown, right,
                    recognise(&got, &want, in, count));
}

#define SEQUENCE(what, text) { what, text, sizeof text - 1 }
static const struct {
    const char *what, *bytes;
    size_t count;
} list[] = {
    // Good sequences and bad ones
    SEQUENCE("ASCII", "mHC\n"),
    SEQUENCE("a zero byte", "a\0b"),
    SEQUENCE("a pound sign", "\xC2\xA3""1"),
    SEQUENCE("three bytes", "\xE2\x82\xAC"),
    SEQUENCE("four bytes", "\xF0\x9F\x93\x96"),
    SEQUENCE("a broken character, then ASCII", "\xC3\x41"),
    SEQUENCE("a broken character, then another", "\xE2\x82\xC2\xA3"),
    SEQUENCE("a broken character, then rubbish", "\xF0\x9F\xFF"),
    SEQUENCE("a following byte that follows nothing", "a\x80z"),
    SEQUENCE("bytes that never occur", "\xC0\xC1\xF5\xFF"),
    SEQUENCE("a slash in two bytes", "\xC0\xAF"),
    SEQUENCE("a character longer than needed", "\xE0\x82\xAC"),
    SEQUENCE("a longer one", "\xF0\x82\x82\xAC"),
    SEQUENCE("half of a UTF-16 pair", "\xED\xA0\x80"),
    SEQUENCE("a number above 10FFFF", "\xF4\x90\x80\x80"),
    SEQUENCE("the end within a character", "ab\xE2\x82"),
};

// Try all short sequences of edges
static void try_early(void)
{
    char out[UTF8_ROOM];
    struct utf8 u = { .used = 0 };
    size_t given[2] = { 1, 1 };
    lab_output(given, sizeof given);
    lab_call(
        FORGET;
        given[0] = utf8_push(out, &u, 0xE2);
        given[1] = u.used < 4 ? utf8_push(out, &u, 0x82) : 0);
    lab_true("nothing before the last byte", given[0] + given[1] == 0,
             "E2 82 gave %zu and %zu bytes; the character is not "
             "complete", given[0], given[1]);
}

static bool try_many(const unsigned char *s, size_t texts, size_t count,
                     bool beside)
{
    static struct pushed got[1 << 14];
    size_t n = 0;
    lab_output(got, texts * sizeof *got);
    lab_call(
        FORGET;
        for (size_t i = 0; i < texts; i++)
            got[i] = push_all(s + i * count, count, beside
                              ? s + (texts - 1 - i) * count : NULL));
    while (n < texts && try(NULL, s + n * count, count, got[n]))
        n++;
    return n == texts;
}

static void try_edges(void)
{
    static const unsigned char edge[] = {
        0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2,
        0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3,
        0xF4, 0xF5, 0xFF };
    enum { EDGES = sizeof edge, REST = EDGES * EDGES * EDGES };
    static unsigned char s[REST * 4];
    many = "all short sequences";
    for (size_t first = 0; first < EDGES; first++) {
        for (size_t n = 0, rest = 0; n < REST; rest = ++n) {
            s[n * 4] = edge[first];
            for (size_t i = 1; i < 4; i++, rest /= EDGES)
                s[n * 4 + i] = edge[rest % EDGES];
        }
        if (!try_many(s, REST, 4, false))
            return;
    }
    lab_true(many, true, "none is wrong");
}

/* all bytes, with all after them, each text beside another one */
static void try_any(void)
{
    enum { TEXTS = 1 << 14 };
    static unsigned char s[TEXTS * MOST];
    many = "all pairs of bytes, two texts in turn";
    for (size_t first = 0; first < 256; first += 8) {
        for (uint64_t i = 0; i < TEXTS * MOST; i++) {
            uint32_t r = random_bits(lab_seed(15), first, i);
            size_t n = i / MOST, next = n / 8;
            s[i] = (unsigned char)(r % 4 > 0 ? 0x80 + r / 4 % 64
                                             : r / 4 % 256);
            if (i % MOST < 2)
                s[i] = (unsigned char)(i % MOST ? next : first + n % 8);
        }
        if (!try_many(s, TEXTS, MOST, true))
            return;
    }
    lab_true(many, true, "none is wrong");
}

int main(void)
{
    lab_begin("Bytes in, characters out");
    utf8_learn();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const unsigned char *bytes = (const void *)list[i].bytes;
        struct pushed got = { .sane = false };
        lab_output(&got, sizeof got);
        lab_call(FORGET; got = push_all(bytes, list[i].count, NULL));
        try(list[i].what, bytes, list[i].count, got);
    }
    try_early();
    try_edges();
    try_any();
    return lab_end();
}
