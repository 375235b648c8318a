#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sysexits.h>
#include <unistd.h>
#include "corpus/batches.h"
#include "corpus/corpus.h"
#include "corpus/counts.h"
#include "ground/file.h"
#include "ground/memory.h"
#include "ground/random.h"
#include "support/suite.h"

// Files to test with
static char folder[64], path[128], other[128];

static void make_folder(void)
{
    snprintf(folder, sizeof folder, "/tmp/corpus-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/text", folder);
    snprintf(other, sizeof other, "%s/other", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(other);
    rmdir(folder);
}

static void put(const char *file, size_t size)
{
    FILE *f = fopen(file, "wb");
    ck_assert_ptr_nonnull(f);
    for (size_t i = 0; i < size; i++)
        fputc((int)(i * 7 % 256), f);
    ck_assert_int_eq(fclose(f), 0);
}

// Tests of the corpus
static const struct {
    const char *file;
    size_t size, held_out;      /* bytes; held_out 0: one file only */
    int status;
    const char *words;
} bad[] = {
    { "text/below", 9, 0, EX_NOINPUT, "text/below: Not a directory" },
    { "none", 9, 0, EX_NOINPUT, "none: No such file" },
    { ".", 9, 0, EX_NOINPUT, "is a directory" },
    { "pipe", 9, 0, EX_NOINPUT, "is not an ordinary file" },
    { "text", 0, 0, EX_DATAERR, "text: is empty" },
    { "text", 1, 9, EX_DATAERR, "text: 1 bytes are too few for a "
                                "context of 4 and the byte after" },
    { "text", 4, 9, EX_DATAERR, "text: 4 bytes are too few" },
    { "text", 9, 4, EX_DATAERR, "other: 4 bytes are too few" },
    { "text", 49, 0, EX_DATAERR, "text: 4 bytes in its last tenth" },
};
enum { BAD = sizeof bad / sizeof bad[0] };

/* fails if a directory, a pipe or a text one byte too short is
   opened */
START_TEST(bad_corpus_is_refused_with_name_and_reason)
{
    char file[160];
    snprintf(file, sizeof file, "%s/%s", folder, bad[_i].file);
    put(path, bad[_i].size);
    put(other, bad[_i].held_out);
    if (strcmp(bad[_i].file, "pipe") == 0)
        ck_assert_int_eq(mkfifo(file, 0600), 0);
    struct corpus c;
    struct message m = { 0 };
    ck_assert(!corpus_open(&c, file, bad[_i].held_out ? other : NULL,
                           4, &m));
    if (strcmp(bad[_i].file, "pipe") == 0)
        unlink(file);
    ck_assert_int_eq(m.status, bad[_i].status);
    ck_assert_msg(strstr(m.text, bad[_i].words) != NULL
                  && strstr(m.text, folder) == m.text,
                  "\"%s\" in \"%s\"", bad[_i].words, m.text);
    ck_assert_ptr_null(c.memory[0]);
    ck_assert_ptr_null(c.memory[1]);
    ck_assert_uint_eq(c.training.size, 0);
}
END_TEST

/* fails if the message names the other one of the two files */
START_TEST(missing_held_out_text_is_named)
{
    put(path, 100);
    struct corpus c;
    struct message m = { 0 };
    ck_assert(!corpus_open(&c, path, other, 4, &m));
    ck_assert_int_eq(m.status, EX_NOINPUT);
    ck_assert_ptr_nonnull(strstr(m.text, "other: No such"));
}
END_TEST
/* fails if a tenth is held out although there is a second file */
START_TEST(two_files_are_two_texts)
{
    put(path, 5);
    put(other, 6);
    struct corpus c;
    struct message m = { 0 };
    ck_assert(corpus_open(&c, path, other, 4, &m));
    ck_assert_uint_eq(c.training.size, 5);
    ck_assert_uint_eq(c.held_out.size, 6);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(c.training.byte[i], i * 7);
    for (size_t i = 0; i < 6; i++)
        ck_assert_uint_eq(c.held_out.byte[i], i * 7);
    ck_assert_ptr_eq(c.memory[0], c.training.byte);
    ck_assert_ptr_eq(c.memory[1], c.held_out.byte);
    corpus_close(&c);
    ck_assert_ptr_null(c.training.byte);
}
END_TEST

/* fails if the two parts overlap, or leave a byte out */
START_TEST(last_tenth_of_one_file_is_held_out)
{
    put(path, 59);
    struct corpus c;
    struct message m = { 0 };
    ck_assert(corpus_open(&c, path, NULL, 4, &m));
    ck_assert_uint_eq(c.training.size, 54);
    ck_assert_uint_eq(c.held_out.size, 5);
    ck_assert_uint_eq(c.training.byte[53], 53 * 7 % 256);
    ck_assert_uint_eq(c.held_out.byte[0], 54 * 7 % 256);
    ck_assert_uint_eq(c.held_out.byte[4], 58 * 7 % 256);
    ck_assert_ptr_eq(c.memory[0], c.training.byte);
    ck_assert_ptr_null(c.memory[1]);
    corpus_close(&c);
}
END_TEST

/* fails if 0 is not taken for the number of an open file */
START_TEST(corpus_opens_where_standard_input_is_closed)
{
    struct corpus c;
    struct message m = { 0 };
    put(path, 50);
    int input = dup(0);
    close(0);
    ck_assert(corpus_open(&c, path, NULL, 4, &m));
    dup2(input, 0);
    close(input);
    corpus_close(&c);
}
END_TEST

static size_t reads_to_nowhere;

static ssize_t watch_read(int handle, void *to, size_t count)
{
    reads_to_nowhere += to == NULL;
    return read(handle, to, count);
}

/* fails if a file is read into memory that could not be had */
START_TEST(corpus_without_memory_is_refused)
{
    put(path, 50);
    put(other, 50);
    reads_to_nowhere = 0;
    file_calls.read = watch_read;
    for (size_t allowed = 0; allowed < 2; allowed++) {
        struct corpus c;
        struct message m = { 0 };
        memory_allow(allowed);
        ck_assert(!corpus_open(&c, path, other, 4, &m));
        ck_assert_int_eq(m.status, EX_OSERR);
        memory_allow(SIZE_MAX);
    }
    file_calls.read = read;
    ck_assert_uint_eq(reads_to_nowhere, 0);
}
END_TEST
/* fails if one call of read is taken for the whole file */
START_TEST(reading_goes_on_after_a_piece)
{
    int end[2];
    unsigned char got[16] = { 0 };
    struct message m = { 0 };
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, end), 0);
    ck_assert_int_eq(send(end[1], "abc", 3, 0), 3);
    ck_assert_int_eq(send(end[1], "defghij", 7, 0), 7);
    ck_assert(corpus_read_fully(got, 7, end[0], "F", &m));
    ck_assert_str_eq((char *)got, "abcdefg");
    // Read past the end of what was sent
    ck_assert_int_eq(send(end[1], "xy", 2, 0), 2);
    close(end[1]);
    errno = EINTR;                  /* of another call, long ago */
    ck_assert(!corpus_read_fully(got, 3, end[0], "F", &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert_str_eq(m.text, "F: ends after 2 of 3 bytes");
    // Read from what is not open
    close(end[0]);
    m = (struct message){ 0 };
    ck_assert(!corpus_read_fully(got, 3, -1, "F", &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert_str_eq(m.text, "F: Bad file descriptor");
}
END_TEST
static int sender;

static void send_abc(int signal)
{
    (void)signal;
    if (send(sender, "abc", 3, 0) != 3)
        _exit(1);
}

/* fails if EINTR is taken for an error */
START_TEST(reading_goes_on_after_a_signal)
{
    int end[2];
    unsigned char got[16] = { 0 };
    struct message m = { 0 };
    struct sigaction a = { .sa_handler = send_abc };
    struct itimerval soon = { .it_value = { .tv_usec = 20000 } };
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, end), 0);
    sender = end[1];
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    ck_assert_msg(corpus_read_fully(got, 3, end[0], "F", &m), "%s",
                  m.text);
    ck_assert_str_eq((char *)got, "abc");
    close(end[0]);
    close(end[1]);
}
END_TEST
/* fails if hashing stops at a byte that is zero */
START_TEST(fingerprint_is_fnv)
{
    struct text t = { (const unsigned char *)"foobar", 6 };
    ck_assert_uint_eq(text_fingerprint(t), 0x85944171f73967e8u);
    t.size = 0;
    ck_assert_uint_eq(text_fingerprint(t), 0xcbf29ce484222325u);
    t = (struct text){ (const unsigned char *)"\0", 1 };
    ck_assert_uint_eq(text_fingerprint(t), 0xaf63bd4c8601b7dfu);
}
END_TEST

// Tests of the counts
static struct text bytes(const char *s)
{
    return (struct text){ (const unsigned char *)s, strlen(s) };
}

/* fails if a context falls back on 1/256 and not on the shorter one */
START_TEST(tables_pay_what_the_counts_say)
{
    struct message m = { 0 };
    double nats[3], b = (2 + 16 / 256.) / (6 + 16);
    double c = (1 + 16 / 256.) / (6 + 16), sum = log(b) + log(c);
    for (size_t i = 0; i < 3; i++)
        ck_assert(counts_loss(&nats[i], bytes("abc"),
                              bytes("abcxbd"), i + 1, &m));
    ck_assert_double_eq_tol(nats[0], -sum / 2, 1e-12);
    b = (1 + 16 * b) / (1 + 16);
    c = (1 + 16 * c) / (2 + 16);
    sum = log(b) + log(c);
    ck_assert_double_eq_tol(nats[1], -sum / 2, 1e-12);
    c = (1 + 16 * c) / (1 + 16);
    sum = log(b) + log(c);
    ck_assert_double_eq_tol(nats[2], -sum / 2, 1e-12);
}
END_TEST

/* fails if kappa is added to the count of a pair but not of its
   context */
START_TEST(probabilities_after_a_byte_sum_to_one)
{
    double sum = 0;
    struct message m = { 0 };
    for (int next = 0; next < 256; next++) {
        unsigned char two[2] = { 'b', (unsigned char)next };
        double nats;
        ck_assert(counts_loss(&nats, (struct text){ two, 2 },
                              bytes("abcabdb"), 2, &m));
        sum += exp(-nats);
    }
    ck_assert_double_eq_tol(sum, 1, 1e-12);
}
END_TEST

/* fails if counting goes on without a table */
START_TEST(counts_without_memory_are_refused)
{
    for (size_t allowed = 0; allowed < 4; allowed++) {
        double nats;
        struct message m = { 0 };
        memory_allow(allowed);
        ck_assert(!counts_loss(&nats, bytes("ab"), bytes("ab"), 2, &m));
        ck_assert_int_eq(m.status, EX_OSERR);
        memory_allow(SIZE_MAX);
    }
}
END_TEST

// Tests of the windows
static unsigned char ramp[256];

static struct text ramp_of(size_t size)
{
    for (size_t i = 0; i < 256; i++)
        ramp[i] = (unsigned char)i;
    return (struct text){ ramp, size };
}

/* fails if targets are the inputs, not the bytes after them */
START_TEST(target_is_the_byte_after)
{
    token input[3], target[3];
    window_cut(input, target, ramp_of(12), 8, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(input[i], 8 + i);
        ck_assert_int_eq(target[i], 9 + i);
    }
}
END_TEST

/* fails if the last window counts again what the one before has */
START_TEST(every_held_out_byte_but_the_first_counts_once)
{
    size_t context = (size_t)_i;
    for (size_t size = context + 1; size <= 40; size++) {
        size_t times[40] = { 0 }, all = windows_of(size, context);
        for (size_t i = 0; i < all; i++) {
            struct window w = window_of(size, context, i);
            ck_assert_uint_lt(w.start + context, size);
            ck_assert_uint_lt(w.skip, context);
            for (size_t k = w.skip; k < context; k++)
                times[w.start + k + 1]++;
        }
        ck_assert_uint_eq(times[0], 0);
        for (size_t i = 1; i < size; i++)
            ck_assert_uint_eq(times[i], 1);
    }
}
END_TEST
/* fails if the last place of a tiling is never drawn, or one beyond it
   is */
START_TEST(tiling_stays_in_the_text_and_uses_all_its_room)
{
    size_t context = (size_t)_i;
    for (size_t size = context + 1; size <= 40; size++) {
        struct batches b;
        struct message m = { 0 };
        ck_assert(batches_open(&b, ramp_of(size), context, 5, &m));
        size_t fit = (size - 1) / context, largest = 0;
        ck_assert_uint_eq(b.windows, fit < 2 ? 1 : fit - 1);
        size_t room = size - 1 - b.windows * context;
        for (size_t epoch = 0; epoch < 300; epoch++) {
            size_t offset = epoch_offset(&b, epoch);
            largest = offset > largest ? offset : largest;
        }
        ck_assert_uint_eq(largest, room);
        batches_close(&b);
    }
}
END_TEST

/* fails if a position skips a window, or runs past the last */
START_TEST(every_window_once_in_an_epoch)
{
    size_t epoch = _i == 0 ? 0 : 7, order[11];
    struct batches b;
    struct message m = { 0 };
    ck_assert(batches_open(&b, ramp_of(50), 4, 5, &m));
    ck_assert_uint_eq(b.windows, 11);
    struct position p = { epoch, 0 };
    size_t offset = epoch_offset(&b, epoch);
    epoch_order(order, 11, 5, epoch);
    for (size_t i = 0; i < 11; i++) {
        token input[4], target[4];
        ck_assert_uint_eq(p.epoch, epoch);
        ck_assert_uint_eq(p.index, i);
        p = batches_fill(input, target, &b, p, 1);
        ck_assert_uint_eq((size_t)input[0], offset + order[i] * 4);
    }
    ck_assert_uint_eq(p.epoch, epoch + 1);
    ck_assert_uint_eq(p.index, 0);
    batches_close(&b);
}
END_TEST
/* fails if the kept order is not made anew when a position goes back */
START_TEST(batch_depends_on_its_position_alone)
{
    struct batches b, fresh;
    struct message m = { 0 };
    token input[9][4], target[9][4], one[4], next[4];
    ck_assert(batches_open(&b, ramp_of(21), 4, 5, &m));
    ck_assert_uint_eq(b.windows, 4);
    struct position p = { 2, 3 }, after;
    after = batches_fill(input[0], target[0], &b, p, 9);
    ck_assert_uint_eq(after.epoch, 5);
    ck_assert_uint_eq(after.index, 0);
    for (size_t s = 0; s < 9; s++) {
        ck_assert(batches_open(&fresh, ramp_of(21), 4, 5, &m));
        p = batches_fill(one, next, &fresh, p, 1);
        ck_assert_mem_eq(one, input[s], sizeof one);
        ck_assert_mem_eq(next, target[s], sizeof next);
        batches_close(&fresh);
    }
    ck_assert_mem_eq(&p, &after, sizeof p);
    // Ask again for the first window, having been elsewhere
    batches_fill(one, next, &b, (struct position){ 2, 3 }, 1);
    ck_assert_mem_eq(one, input[0], sizeof one);
    memory_allow(0);
    ck_assert(!batches_open(&fresh, ramp_of(21), 4, 5, &m));
    memory_allow(SIZE_MAX);
    batches_close(&b);
}
END_TEST

// Tests of the shuffle
/* fails if a window comes twice in an epoch */
START_TEST(order_is_a_permutation)
{
    size_t n = (size_t)_i, order[33];
    for (size_t epoch = 0; epoch < 4; epoch++) {
        size_t times[33] = { 0 };
        epoch_order(order, n, 1, epoch);
        for (size_t i = 0; i < n; i++) {
            ck_assert_uint_lt(order[i], n);
            times[order[i]]++;
        }
        for (size_t i = 0; i < n; i++)
            ck_assert_uint_eq(times[i], 1);
    }
}
END_TEST

/* fails if a pick is made from all places, not from those left */
START_TEST(every_order_is_as_likely_as_any_other)
{
    size_t times[27] = { 0 }, order[3];
    for (size_t epoch = 0; epoch < 60000; epoch++) {
        epoch_order(order, 3, 1, epoch);
        times[order[0] * 9 + order[1] * 3 + order[2]]++;
    }
    for (size_t i = 0; i < 27; i++)
        ck_assert(times[i] == 0
                  || (9500 < times[i] && times[i] < 10500));
    ck_assert_uint_eq(times[5] + times[7] + times[11] + times[15]
                      + times[19] + times[21], 60000);
}
END_TEST
/* fails if the shuffle uses its random numbers otherwise than before */
START_TEST(order_is_the_one_that_old_runs_had)
{
    size_t order[8], other_seed[8];
    const size_t known[8] = { 1, 2, 5, 0, 3, 7, 4, 6 };
    epoch_order(order, 8, 1, 2);
    epoch_order(other_seed, 8, 2, 2);
    for (size_t i = 0; i < 8; i++)
        ck_assert_uint_eq(order[i], known[i]);
    ck_assert_mem_ne(order, other_seed, sizeof order);
    struct batches b = { .text = ramp_of(100), .context = 32,
                         .windows = 2, .seed = 1 };
    ck_assert_uint_eq(epoch_offset(&b, 0), 35);
    ck_assert_uint_eq(epoch_offset(&b, 1), 33);
}
END_TEST

Suite *corpus_suite(void);
Suite *corpus_suite(void)
{
    Suite *s = suite_create("corpus");
    TCase *c = tcase_create("texts");
    // Register the tests of the corpus
    tcase_add_checked_fixture(c, make_folder, remove_folder);
    tcase_add_loop_test(c, bad_corpus_is_refused_with_name_and_reason,
                        0, BAD);
    tcase_add_test(c, missing_held_out_text_is_named);
    tcase_add_test(c, two_files_are_two_texts);
    tcase_add_test(c, last_tenth_of_one_file_is_held_out);
    tcase_add_test(c, corpus_opens_where_standard_input_is_closed);
    tcase_add_test(c, corpus_without_memory_is_refused);
    tcase_add_test(c, reading_goes_on_after_a_piece);
    tcase_add_test(c, reading_goes_on_after_a_signal);
    tcase_add_test(c, fingerprint_is_fnv);
    tcase_add_test(c, tables_pay_what_the_counts_say);
    tcase_add_test(c, probabilities_after_a_byte_sum_to_one);
    tcase_add_test(c, counts_without_memory_are_refused);
    suite_add_tcase(s, c);
    c = tcase_create("windows");
    // Register the tests of the windows
    tcase_add_test(c, target_is_the_byte_after);
    tcase_add_loop_test(c, every_held_out_byte_but_the_first_counts_once,
                        1, 10);
    tcase_add_loop_test(c,
                        tiling_stays_in_the_text_and_uses_all_its_room,
                        1, 10);
    tcase_add_loop_test(c, every_window_once_in_an_epoch, 0, 2);
    tcase_add_test(c, batch_depends_on_its_position_alone);
    tcase_add_loop_test(c, order_is_a_permutation, 1, 34);
    tcase_add_test(c, every_order_is_as_likely_as_any_other);
    tcase_add_test(c, order_is_the_one_that_old_runs_had);
    suite_add_tcase(s, c);
    return s;
}
