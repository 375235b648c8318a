#include <stdio.h>
#include "sampling/reference.h"
#include "sampling/utf8.h"
#include "support/lab.h"

enum { MOST = 8, PIECE = 16, ROOM = (MOST + 1) * PIECE };

// Push a sequence of bytes
struct pushed {
    char text[ROOM];
    size_t used;
    bool sane;
};

static struct pushed push_all(const unsigned char *in, size_t count)
{
    struct pushed p = { .sane = true };
    struct utf8 u = { .used = 0 };
    for (size_t i = 0; i < count && p.sane; i++) {
        char out[PIECE] = "";
        size_t n = utf8_push(out, &u, in[i]);
        p.sane = n <= PIECE && u.used < sizeof u.held;
        if (p.sane) {
            memcpy(p.text + p.used, out, n);
            p.used += n;
        }
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

static const char *recognise(const struct pushed *p,
                             const struct pushed *want,
                             const unsigned char *in, size_t count)
{
    if (!p->sane)
        return ": so many bytes cannot come, or be held";
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

static bool try(const char *what, const unsigned char *in, size_t count)
{
    struct pushed got = push_all(in, count), want = { .sane = true };
    char given[3 * ROOM], shown[3 * ROOM], right[3 * ROOM];
    want.used = utf8_reference(want.text, in, count);
    print_bytes(given, in, count);
    print_bytes(shown, got.text, got.used);
    print_bytes(right, want.text, want.used);
    bool good = got.sane && is(&got, want.text, want.used);
    if (what || !good)
        lab_true(what ? what : "all short sequences", good, "%s gave "
                 "%s, wanted %s%s", given, shown, right,
                 recognise(&got, &want, in, count));
    return good;
}

#define SEQUENCE(what, text) { what, text, sizeof text - 1 }
static const struct {
    const char *what, *bytes;
    size_t count;
} list[] = {
    // Good sequences and bad ones
    SEQUENCE("ASCII", "mHC\n"),
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
    char out[PIECE];
    struct utf8 u = { .used = 0 };
    size_t first = utf8_push(out, &u, 0xE2);
    size_t second = u.used < 4 ? utf8_push(out, &u, 0x82) : 0;
    lab_true("nothing before the last byte", first + second == 0,
             "E2 82 gave %zu bytes; the character is not complete",
             first + second);
}

static void try_edges(void)
{
    static const unsigned char edge[] = {
        0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2,
        0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3,
        0xF4, 0xF5, 0xFF };
    const size_t edges = sizeof edge;
    for (size_t n = 0; n < edges * edges * edges * edges; n++) {
        unsigned char s[4];
        size_t rest = n;
        for (size_t i = 0; i < 4; i++, rest /= edges)
            s[i] = edge[rest % edges];
        if (!try(NULL, s, 4))
            return;
    }
    lab_true("all short sequences", true, "none is wrong");
}

int main(void)
{
    lab_begin("Bytes in, characters out");
    utf8_learn();
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        try(list[i].what, (const void *)list[i].bytes, list[i].count);
    try_early();
    try_edges();
    return lab_end();
}
