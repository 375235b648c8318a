#include "support/cpu.h"
#include <stdlib.h>
#include <sysexits.h>
#include "ground/memory.h"
#include "ground/random.h"
#include "model/readable.h"
#include "sampling/choose.h"
#include "sampling/reference.h"
#include "sampling/sampling.h"
#include "sampling/utf8.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"

// Tests of the choice
enum { BYTES = 9 };
static const double below_one = 1 - 0x1p-53;

/* fails if the temperature multiplies, or top-k keeps one byte too
   many */
START_TEST(the_example_is_drawn_as_by_hand)
{
    const real z[] = { 2, 1, 0, -1 };
    double scratch[4];
    ck_assert_uint_eq(choose(z, 4, 1, 0, 0.7, scratch), 1);
    ck_assert_uint_eq(choose(z, 4, 0.5, 0, 0.7, scratch), 0);
    ck_assert_uint_eq(choose(z, 4, 1, 0, 0.6, scratch), 0);
    ck_assert_uint_eq(choose(z, 4, 1, 2, 0.7, scratch), 0);
    ck_assert_uint_eq(choose(z, 4, 1, 0, 0.95, scratch), 2);
    ck_assert_uint_eq(choose(z, 4, 1, 0, 0.98, scratch), 3);
}
END_TEST

/* fails if of two equal logits the later one is taken at temperature
   0 */
START_TEST(temperature_zero_takes_the_first_of_the_largest)
{
    real z[BYTES];
    double scratch[BYTES];
    for (size_t best = 0; best < BYTES; best++)
        for (size_t next = best; next < BYTES; next++) {
            fill_normal(z, BYTES, 7, 1);
            z[best] = z[next] = 9;
            ck_assert_uint_eq(choose(z, BYTES, 0, 0, 0.99, scratch),
                              best);
            ck_assert_uint_eq(choose(z, BYTES, 0, 3, 0.99, scratch),
                              best);
        }
}
END_TEST

static void draw_all(double *drawn, size_t times, const real *z,
                     double temperature, size_t k)
{
    double scratch[BYTES + 1];
    for (size_t j = 0; j <= BYTES; j++)
        scratch[j] = NAN;
    for (size_t j = 0; j < BYTES; j++)
        drawn[j] = 0;
    for (size_t i = 0; i < times; i++) {
        size_t j = choose(z, BYTES, temperature, k,
                          ((double)i + 0.5) / (double)times, scratch);
        if (j >= BYTES)
            ck_abort_msg("drew %zu of %d", j, BYTES);
        drawn[j]++;
    }
    ck_assert(isnan(scratch[BYTES]));
}

/* fails if of equal logits at the border of top-k all stay, or the
   weights are not those of the temperature */
START_TEST(each_byte_is_drawn_as_often_as_it_should)
{
    const real z[][BYTES] = {
        { (real)1.5, 0, (real)-0.5, 2, (real)0.1, 1, (real)-3, 3, 2 },
        { 1, 3, 3, 0, 3, 2, 2, -1, 3 },
        { 0 } };
    const double tau[] = { 0.4, 1, 2.5 };
    double drawn[BYTES], p[BYTES], times = 3000;
    for (size_t row = 0; row < 3; row++)
    for (size_t heat = 0; heat < 3; heat++)
    for (size_t k = 0; k <= BYTES + 1; k++) {
        draw_all(drawn, (size_t)times, z[row], tau[heat], k);
        reference_probabilities(p, z[row], BYTES, tau[heat], k, NONE);
        for (size_t j = 0; j < BYTES; j++) {
            ck_assert(fabs(drawn[j] - times * p[j]) <= 1 + 1e-6);
            ck_assert(drawn[j] == 0 || p[j] > 0);
        }
    }
}
END_TEST

/* fails if the walk stops at a weight of zero for u = 0, or runs
   past the last weight for the largest u */
START_TEST(what_is_left_out_is_never_drawn)
{
    const double u[] = { 0, 0x1p-53, 0.5, below_one };
    real z[BYTES];
    double p[BYTES], scratch[BYTES];
    for (uint64_t seed = 0; seed < 300; seed++) {
        size_t k = 1 + seed % BYTES;
        fill_integers(z, BYTES, seed, 2);
        reference_probabilities(p, z, BYTES, 0.7, k, NONE);
        size_t first = 0, last = BYTES - 1;
        while (p[first] == 0)
            first++;
        while (p[last] == 0)
            last--;
        for (size_t i = 0; i < 4; i++)
            ck_assert(p[choose(z, BYTES, 0.7, k, u[i], scratch)] > 0);
        ck_assert_uint_eq(choose(z, BYTES, 0.7, k, 0, scratch), first);
        ck_assert_uint_eq(choose(z, BYTES, 0.7, k, below_one, scratch),
                          last);
    }
}
END_TEST

/* fails if the largest logit is not subtracted before the
   exponential */
START_TEST(extreme_logits_are_drawn_from)
{
    const real z[][4] = { { -10000, 10000, -10000, 9999 },
                          { -10000, -10000, -10000, -10000 },
                          { -FLT_MAX, FLT_MAX, 0, -FLT_MAX },
                          { 0, (real)NAN, 1, 2 } };
    const size_t want[][3] = { { 1, 1, 3 }, { 0, 2, 3 }, { 1, 1, 1 },
                               { 0, 0, 0 } };
    const double u[] = { 0, 0.5, below_one };
    double scratch[4];
    for (size_t row = 0; row < 4; row++)
        for (size_t i = 0; i < 3; i++) {
            ck_assert_uint_eq(choose(z[row], 4, 1, 0, u[i], scratch),
                              want[row][i]);
        }
    ck_assert_uint_eq(choose(z[0], 4, 1e-300, 0, 0.9, scratch), 1);
    ck_assert_uint_eq(choose(z[0], 1, 1, 5, 0.9, scratch), 0);
}
END_TEST

// Tests of UTF-8
static size_t push_all(char *out, const unsigned char *in, size_t count)
{
    struct utf8 u = { .used = 0 };
    size_t used = 0;
    for (size_t i = 0; i <= count; i++) {
        char piece[UTF8_ROOM + 1];
        piece[UTF8_ROOM] = 'g';
        size_t n = i < count ? utf8_push(piece, &u, in[i])
                             : utf8_end(piece, &u);
        if (n > UTF8_ROOM || piece[UTF8_ROOM] != 'g')
            ck_abort_msg("%zu bytes are more than the room", n);
        memcpy(out + used, piece, n);
        used += n;
    }
    if (u.used != 0)
        ck_abort_msg("%zu bytes are held after the end", u.used);
    return used;
}

static void assert_cut(const unsigned char *in, size_t count)
{
    char got[3 * 64], want[3 * 64];
    size_t n = push_all(got, in, count);
    if (n != utf8_reference(want, in, count, true)
        || memcmp(got, want, n) != 0)
        ck_abort_msg("%02X %02X %02X %02X ... are cut wrongly", in[0],
                     in[1 % count], in[2 % count], in[3 % count]);
}

/* fails if the length of a character is read off its first byte
   wrongly, or a character comes a byte late */
START_TEST(every_character_comes_whole_and_at_once)
{
    for (unsigned c = 0; c <= LAST_CHARACTER; c++) {
        if (surrogate(c))
            continue;
        unsigned char s[4];
        char out[UTF8_ROOM];
        struct utf8 u = { .used = 0 };
        size_t n = utf8_write(s, c), shown = 0;
        for (size_t i = 0; i < n && shown == 0; i++)
            shown = utf8_push(out, &u, s[i]);
        if (shown != n || memcmp(out, s, n) != 0 || u.used != 0)
            ck_abort_msg("character %X", c);
    }
}
END_TEST

/* fails if a bound of the second byte is off by one, or the byte
   that broke a character is not looked at again */
START_TEST(rubbish_is_cut_as_the_reference_does)
{
    static const unsigned char edge[] = {
        0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0,
        0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF, 0xF0,
        0xF1, 0xF3, 0xF4, 0xF5, 0xFF };
    const size_t edges = sizeof edge;
    utf8_learn();
    for (unsigned pair = 0; pair < 65536; pair++)
        assert_cut((unsigned char[]){ (unsigned char)(pair / 256),
                                      (unsigned char)pair }, 2);
    for (size_t n = 0; n < edges * edges * edges * edges; n++) {
        unsigned char s[4];
        size_t rest = n;
        for (size_t i = 0; i < 4; i++, rest /= edges)
            s[i] = edge[rest % edges];
        assert_cut(s, 4);
    }
}
END_TEST

/* fails if bytes that are no character get through to the output in
   a longer text */
START_TEST(random_bytes_become_well_formed)
{
    utf8_learn();
    for (uint64_t i = 0; i < 5000; i++) {
        unsigned char in[64];
        char out[3 * 64], again[3 * 64];
        for (uint64_t k = 0; k < sizeof in; k++) {
            unsigned bits = random_bits(5, 1, i * sizeof in + k);
            in[k] = (unsigned char)(bits % 2 ? bits >> 24
                                             : 0x80 + (bits >> 26));
        }
        assert_cut(in, 1 + i % sizeof in);
        size_t n = push_all(out, in, sizeof in);
        if (n != utf8_reference(again, (const void *)out, n, true)
            || memcmp(out, again, n) != 0)
            ck_abort_msg("number %d is printed malformed", (int)i);
    }
}
END_TEST

// Tests of the sampler
enum { WORDS = 20, LONGEST = 50 };

static token text[LONGEST];

static struct sampler open_sampler(size_t context)
{
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    struct sampler s;
    c.layers = 2, c.width = 12, c.heads = 2, c.vocabulary = WORDS;
    c.context = context;
    ck_assert_msg(sampler_open(&s, &c, &cpu, &m), "%s", m.text);
    fill_normal(reals(s.model.weights), s.model.parameters.count, 3,
                0.5);
    for (size_t i = 0; i < LONGEST; i++)
        text[i] = (token)random_below(4, 1, i, WORDS);
    return s;
}

/* fails if some byte of the window leaves no trace in the logits */
START_TEST(every_byte_of_the_window_matters)
{
    struct sampler s = open_sampler(8);
    real want[WORDS];
    sampler_read(&s, text, 8);
    memcpy(want, s.logits, sizeof want);
    for (size_t i = 0; i < 8; i++) {
        s.used = 0;
        text[i] = (text[i] + 1) % WORDS;
        sampler_read(&s, text, 8);
        text[i] = (text[i] + WORDS - 1) % WORDS;
        ck_assert(!compare_arrays(NULL, "", s.logits, want,
                                  (size_t[]){ WORDS }, 1, 1e-3));
    }
    sampler_close(&s);
}
END_TEST

/* fails if a piece beyond the room of the window is not split, or
   the logits are those of another row than its last */
START_TEST(pieces_of_any_size_give_the_same_logits)
{
    const size_t sizes[] = { 1, 2, 3, 7, 8, 9, 17, 50 };
    struct sampler s = open_sampler(8), whole = open_sampler(8);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        s.used = 0;
        for (size_t at = 0, n; at < LONGEST; at += n) {
            n = at + sizes[k] > LONGEST ? LONGEST - at : sizes[k];
            sampler_read(&s, text + at, n);
            whole.used = 0;
            sampler_read(&whole, text, at + n);
            assert_close(s.logits, whole.logits, WORDS, 1e-5);
            ck_assert_uint_eq(s.used, whole.used);
        }
    }
    sampler_close(&s);
    sampler_close(&whole);
}
END_TEST
/* fails if the cached rows are mixed up where a window spans several
   tiles of attention */
START_TEST(six_heads_and_a_window_of_256_agree_with_plain_loops)
{
    static const size_t pieces[] = { 1, 63, 1, 64, 71, 56, 1, 43 };
    static token long_text[300];
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    struct sampler s;
    c.layers = 2, c.width = 192, c.heads = 6, c.context = 256;
    ck_assert_msg(sampler_open(&s, &c, &cpu, &m), "%s", m.text);
    readable_scatter(&s.model);
    struct readable r = readable_of(&s.model, 256);
    for (size_t i = 0; i < 300; i++)
        long_text[i] = (token)random_below(4, 1, i, 256);
    for (size_t k = 0, n = 0; k < sizeof pieces / sizeof *pieces; k++) {
        real want[256];
        sampler_read(&s, long_text + n, pieces[k]);
        n += pieces[k];
        size_t begin = n > 256 ? 128 : 0;
        readable_forward(&r, long_text + begin, n - begin);
        for (size_t v = 0; v < 256; v++)
            want[v] = (real)r.logits[(n - begin - 1) * 256 + v];
        assert_close(s.logits, want, 256, 1e3 * REAL_EPSILON);
    }
    sampler_close(&s);
}
END_TEST

static const size_t contexts[] = { 1, 2, 3, 7, 8 };
enum { CONTEXTS = sizeof contexts / sizeof contexts[0] };

/* fails if the kept half is moved but its keys and values are not
   computed again */
START_TEST(beyond_the_context_half_a_window_is_fresh)
{
    size_t T = contexts[_i], drops = T - T / 2;
    struct sampler s = open_sampler(T), fresh = open_sampler(T);
    for (size_t n = 1; n <= 4 * T + 3; n++) {
        size_t begin = n <= T ? 0 : (n - T + drops - 1) / drops * drops;
        sampler_read(&s, text + n - 1, 1);
        fresh.used = 0;
        sampler_read(&fresh, text + begin, n - begin);
        ck_assert_uint_eq(s.used, n - begin);
        ck_assert_mem_eq(s.window, text + begin,
                         s.used * sizeof *text);
        assert_close(s.logits, fresh.logits, WORDS, 1e-5);
    }
    sampler_close(&s);
    sampler_close(&fresh);
}
END_TEST

/* fails if reading on allocates, or closing twice frees twice */
START_TEST(reading_takes_no_memory)
{
    struct sampler s = open_sampler(8);
    memory_allow(0);
    sampler_read(&s, text, LONGEST);
    memory_allow(SIZE_MAX);
    sampler_close(&s);
    sampler_close(&s);
}
END_TEST

/* fails if a failed allocation is not noticed, or leaves something
   open */
START_TEST(without_memory_a_sampler_says_so)
{
    struct configuration c = configuration_default();
    struct sampler s;
    size_t k = 0;
    for (bool good = false; !good; k++) {
        struct message m = { 0, "" };
        memory_allow(k);
        good = sampler_open(&s, &c, &cpu, &m);
        memory_allow(SIZE_MAX);
        ck_assert_int_eq(m.status, good ? 0 : EX_OSERR);
        ck_assert(good || (!s.window && !s.logits && !s.scratch));
        ck_assert(!good || (s.window && s.logits && s.scratch));
        sampler_close(&s);
    }
    ck_assert_uint_gt(k, 4);
}
END_TEST

Suite *sampling_suite(void)
{
    Suite *s = suite_create("sampling");
    TCase *t = tcase_create("sampling");
    // Register the tests of sampling
    tcase_add_test(t, the_example_is_drawn_as_by_hand);
    tcase_add_test(t, temperature_zero_takes_the_first_of_the_largest);
    tcase_add_test(t, each_byte_is_drawn_as_often_as_it_should);
    tcase_add_test(t, what_is_left_out_is_never_drawn);
    tcase_add_test(t, extreme_logits_are_drawn_from);
    tcase_add_test(t, every_character_comes_whole_and_at_once);
    tcase_add_test(t, rubbish_is_cut_as_the_reference_does);
    tcase_add_test(t, random_bytes_become_well_formed);
    tcase_add_test(t, pieces_of_any_size_give_the_same_logits);
    tcase_add_loop_test(t, beyond_the_context_half_a_window_is_fresh, 0,
                        CONTEXTS);
    tcase_add_test(t, every_byte_of_the_window_matters);
    tcase_add_test(t, reading_takes_no_memory);
    tcase_add_test(t, without_memory_a_sampler_says_so);
    suite_add_tcase(s, t);
    t = tcase_create("size");
    tcase_set_tags(t, "slow");
    tcase_add_test(t,
        six_heads_and_a_window_of_256_agree_with_plain_loops);
    suite_add_tcase(s, t);
    return s;
}
