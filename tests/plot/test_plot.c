#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sysexits.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "checkpoint/safetensors.h"
#include "commands/commands.h"
#include "ground/random.h"
#include "journal/journal.h"
#include "journal/progress.h"
#include "plot/plot.h"
#include "plot/ticks.h"
#include "support/suite.h"

// Tests of ticks
static void check_ticks(double low, double high, int parts, double step,
                        double first)
{
    double got, at = plot_ticks(&got, low, high, parts);
    ck_assert_double_eq_tol(at, step, 1e-12 * step);
    ck_assert_double_eq_tol(got, first, 1e-9 * step);
    ck_assert(got != 0 || !signbit(got));
}

/* fails if a bound between two steps is their arithmetic mean */
START_TEST(ticks_are_those_worked_out_by_hand)
{
    check_ticks(1.47, 5.55, 6, .5, 1.5);
    check_ticks(0, 2000, 6, 500, 0);
    check_ticks(0, 1000, 6, 200, 0);
    check_ticks(.3, .7, 4, .1, .3);
    check_ticks(-1, 1, 6, .5, -1);
    check_ticks(0, 84, 6, 10, 0);
    check_ticks(0, 86, 6, 20, 0);
    check_ticks(0, 42.5, 6, 10, 0);
    check_ticks(0, 42.4, 6, 5, 0);
    check_ticks(0, 18.9, 6, 2, 0);
    check_ticks(0, 19, 6, 5, 0);
    check_ticks(2e-7, 8e-7, 6, 1e-7, 2e-7);
    check_ticks(.14, .26, 6, .02, .14);
}
END_TEST

/* fails if the power of ten is wrong on some scale */
START_TEST(ticks_are_round_inside_and_enough)
{
    double scale = pow(10, 12 * random_uniform(1, 1, (uint64_t)_i) - 6);
    double low = scale * (random_uniform(1, 2, (uint64_t)_i) - .5);
    double high = low + scale * (.1 + random_uniform(1, 3,
                                                     (uint64_t)_i));
    double first, step = plot_ticks(&first, low, high, 6);
    double digit = step / pow(10, floor(log10(step) + 1e-9));
    ck_assert(fabs(digit - 1) < 1e-9 || fabs(digit - 2) < 1e-9
              || fabs(digit - 5) < 1e-9);
    ck_assert(first >= low - 1e-6 * step && first < low + step);
    ck_assert(fabs(first / step - round(first / step)) < 1e-6);
    double count = (high - low) / step;
    ck_assert(count >= 6 / 1.6 && count <= 6 * 1.6);
}
END_TEST
// Tests of logs
static char file[] = "/tmp/mhc-test-XXXXXX";

static void write_file(const char *text)
{
    strcpy(file + strlen(file) - 6, "XXXXXX");
    int handle = mkstemp(file);
    ck_assert(handle >= 0);
    ssize_t length = (ssize_t)strlen(text);
    ck_assert(write(handle, text, (size_t)length) == length);
    close(handle);
}

/* fails if the running mean begins at zero */
START_TEST(a_log_gives_its_points_and_lines)
{
    struct history h;
    struct message m = {0};
    write_file("{\"unigram\":2.75,\"bigram\":2.5}\n"
               "{\"step\":1,\"loss\":5.5,\"new\":[1]}\n"
               "{\"step\":2,\"loss\":5.25}\n"
               "{\"step\":2,\"held_out\":5.125}\n"
               "{\"step\":3,\"loss\":4.5}\n");
    ck_assert_msg(history_read(&h, file, &m), "%s", m.text);
    unlink(file);
    ck_assert(h.unigram == 2.75 && h.bigram == 2.5);
    ck_assert_uint_eq(h.loss.count, 3);
    ck_assert_uint_eq(h.held_out.count, 1);
    ck_assert(h.loss.x[2] == 3);
    ck_assert_double_eq_tol(h.loss.y[1], .95 * 5.5 + .05 * 5.25, 1e-12);
    ck_assert_double_eq_tol(h.loss.y[2], .95 * h.loss.y[1] + .05 * 4.5,
                            1e-12);
    ck_assert_str_eq(h.warnings, "");
    ck_assert(h.held_out.x[0] == 2 && h.held_out.y[0] == 5.125);
    ck_assert_str_eq(h.path, file);
    history_free(&h);
    ck_assert(h.loss.x == NULL && h.loss.count == 0);
}
END_TEST

/* fails if a log without a step is drawn as an empty picture */
START_TEST(what_is_no_log_is_refused)
{
    static const char *const text[] = {
        "", "nonsense\n", "{\"unigram\":2.75}\n", "[1]\n", "7\n",
        "{\"step\":-1,\"loss\":5}\n", "{\"step\":1.5,\"loss\":5}\n",
        "{\"step\":1,\"loss\":5}"};
    for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
        struct history h;
        struct message m = {0};
        write_file(text[i]);
        ck_assert(!history_read(&h, file, &m));
        unlink(file);
        ck_assert_int_eq(m.status, EX_DATAERR);
        ck_assert(strstr(m.text, file) == m.text);
        ck_assert(h.loss.x == NULL);
    }
    struct history h;
    struct message m = {0};
    ck_assert(!history_read(&h, "/nowhere", &m));
    ck_assert_int_eq(m.status, EX_NOINPUT);
    ck_assert(h.loss.x == NULL);
}
END_TEST
static void expect_warnings(const char *log, const char *text,
                            size_t points)
{
    struct history h;
    struct message m = {0};
    char want[LOG_WARNINGS];
    write_file(log);
    ck_assert_msg(history_read(&h, file, &m), "%s", m.text);
    unlink(file);
    snprintf(want, sizeof want, "%s%s", *text ? file : "", text);
    ck_assert_str_eq(h.warnings, want);
    ck_assert_uint_eq(h.loss.count, points);
    ck_assert(h.unigram == 2.75);
    history_free(&h);
}

/* fails if a torn or foreign line ends the reading */
START_TEST(what_is_bad_in_a_log_is_left_out_and_said)
{
    #define FIRST "{\"unigram\":2.75}\n{\"step\":4,\"loss\":5.5}\n"
    expect_warnings(FIRST, "", 1);
    expect_warnings(FIRST "{\"step\":5,\"loss\":5}\n{\"step\":6,\"lo",
        ": its last line is torn and was left out\n", 2);
    expect_warnings(FIRST "{\"step\":5,\"loss\":5}",
        ": its last line is torn and was left out\n", 1);
    expect_warnings(FIRST "rubbish\n{\"step\":5,\"loss\":5}\n",
        ":3: this is no line of a log and was left out\n", 2);
    expect_warnings(FIRST "{\n}\n{\"step\":5,\"loss\":5}\n",
        ":3: this is no line of a log and was left out, like others"
        " after it\n", 2);
    expect_warnings(FIRST "{\"step\":7,\"loss\":5}\n",
        ": there are no steps from 5 to 6\n", 2);
    expect_warnings(FIRST "{\"step\":4,\"loss\":5}\n",
        ": after step 4 comes step 4 again\n", 2);
    expect_warnings(FIRST "{\"step\":9,\"event\":\"gain\"}\n", "", 1);
}
END_TEST
/* fails if opening a pipe waits for somebody who writes */
START_TEST(a_long_line_is_read_and_an_empty_pipe_does_not_wait)
{
    static char text[70000];
    struct history h;
    struct message m = {0};
    int at = sprintf(text, "{\"data\":\"%060000d\",\"unigram\":2.75}\n",
                     0);
    sprintf(text + at, "{\"step\":1,\"loss\":5}\n");
    expect_warnings(text, "", 1);
    write_file("");
    unlink(file);
    ck_assert(mkfifo(file, 0600) == 0);
    ck_assert(!history_read(&h, file, &m));
    unlink(file);
    ck_assert_int_eq(m.status, EX_DATAERR);
    ck_assert(strstr(m.text, "no step is in this log yet"));
}
END_TEST
/* fails if the newest point is not kept */
START_TEST(a_million_points_need_no_more_room_than_two_thousand)
{
    struct points p = {0};
    struct message m = {0};
    for (size_t i = 0; i < 1000000; i++) {
        ck_assert(points_add(&p, (double)i, -(double)i, &m));
        if (i < MOST_POINTS)
            ck_assert_uint_eq(p.count, i + 1);
        ck_assert(p.count <= MOST_POINTS);
        ck_assert(p.x[p.count - 1] == (double)i);
    }
    ck_assert_uint_eq(p.each, 512);
    ck_assert_uint_eq(p.count, 999999 / 512 + 2);
    for (size_t i = 0; i + 1 < p.count; i++)
        ck_assert(p.x[i] == 512. * (double)i && p.y[i] == -p.x[i]);
    points_free(&p);
    ck_assert(p.x == NULL && p.count == 0);
}
END_TEST
/* fails if a line of a later step stays */
START_TEST(a_log_is_cut_off_before_what_comes_again)
{
    #define FOUR "{\"step\":4}\n"
    #define FIVE "{\"step\":5}\n{\"step\":5,\"event\":0}\n"
    static const struct { size_t step; const char *rest; } cut[] = {
        {4, FOUR "?\n" FIVE}, {3, FOUR},
        {5, FOUR "?\n" FIVE "?\n{\"step\":6}\n{\"to"}};
    static const char *const left[] = {FOUR, "", FOUR "?\n" FIVE};
    char folder[] = "/tmp/mhc-test-XXXXXX", path[64], saved[64];
    char got[128];
    ck_assert(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log.jsonl", folder);
    for (size_t i = 0; i < 3; i++) {
        struct journal j;
        struct message m = {0};
        FILE *out = fopen(path, "w");
        fprintf(out, "{\"unigram\":3}\n%s", cut[i].rest);
        fclose(out);
        snprintf(saved, sizeof saved, "%s/latest.safetensors", folder);
        fclose(fopen(saved, "w"));
        ck_assert_msg(journal_open(&j, folder, &m)
                      && journal_resume(&j, cut[i].step, &m), "%s",
                      m.text);
        ck_assert(journal_close(&j, &m));
        FILE *in = fopen(path, "r");
        got[fread(got, 1, sizeof got - 1, in)] = '\0';
        fclose(in);
        ck_assert(strncmp(got, "{\"unigram\":3}\n", 14) == 0);
        ck_assert_str_eq(got + 14, left[i]);
    }
    struct journal j;
    struct message m = {0};
    ck_assert(journal_open(&j, folder, &m));
    unlink(saved);
    journal_discard(&j);
    ck_assert(access(folder, F_OK) != 0);
}
END_TEST
// Tests of pictures
/* fails if y grows upwards */
START_TEST(a_picture_maps_corners_to_corners)
{
    double x[] = {0, 50, 100}, y[] = {3, 2, 1};
    struct history h = {.path = "/a/run", .unigram = 2.5,
                        .held_out = {.count = 3, .x = x, .y = y}};
    struct message m = {0};
    write_file("");
    ck_assert_msg(plot_write(file, &h, 1, &m), "%s", m.text);
    char picture[16384] = "";
    FILE *in = fopen(file, "r");
    size_t n = fread(picture, 1, sizeof picture - 1, in);
    fclose(in);
    unlink(file);
    ck_assert(n > 0 && strstr(picture, "</svg>"));
    double p[6];
    char *curve = strstr(picture, "stroke-width=\"2\"");
    ck_assert(curve && sscanf(strstr(curve, "points=\""),
        "points=\"%lf,%lf %lf,%lf %lf,%lf", p, p + 1, p + 2, p + 3,
        p + 4, p + 5) == 6);
    // Compare the points with the frame
    ck_assert_double_eq_tol(p[0], 64, .06);
    ck_assert_double_eq_tol(p[2], 337, .06);
    ck_assert_double_eq_tol(p[4], 610, .06);
    ck_assert_double_eq_tol(p[1], 24 + 368 * .08 / 2.16, .06);
    ck_assert_double_eq_tol(p[3], 208, .06);
    ck_assert_double_eq_tol(p[5], 392 - 368 * .08 / 2.16, .06);
    ck_assert(strstr(picture, "unigram 2.50"));
    ck_assert(strstr(picture, "<line class=\"o\" x1=\"64\" x2="));
    ck_assert(!strstr(picture, "bigram"));
    ck_assert(strstr(picture, ">run held-out 1.0000"));
}
END_TEST

static char *picture_of(const struct history *h, size_t runs)
{
    static char picture[1 << 16];
    struct message m = {0};
    write_file("");
    ck_assert_msg(plot_write(file, h, runs, &m), "%s", m.text);
    FILE *in = fopen(file, "r");
    size_t n = fread(picture, 1, sizeof picture - 1, in);
    fclose(in);
    unlink(file);
    ck_assert(n < sizeof picture - 1);
    picture[n] = '\0';
    ck_assert(strstr(picture, "</svg>\n"));
    return picture;
}

static int count_of(const char *text, const char *what)
{
    int count = 0;
    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

/* fails if rounding errors fill the frame */
START_TEST(losses_that_differ_by_an_ulp_are_drawn_as_equal)
{
    double x[] = {1, 2}, ulp[] = {5, 5.000000000000001};
    double six[] = {5, 5.001};
    struct history h = {.path = "/a/run",
                        .loss = {.count = 2, .x = x, .y = ulp}};
    ck_assert_int_eq(count_of(picture_of(&h, 1), "class=\"e\">"),
                     5 + 1);
    ck_assert(strstr(picture_of(&h, 1), "class=\"e\">4.5<"));
    h.loss.y = six;
    ck_assert(strstr(picture_of(&h, 1), "class=\"e\">5.0002<"));
}
END_TEST

/* fails if two runs have the same name or style */
START_TEST(runs_in_one_picture_can_be_told_apart)
{
    static struct history h[30];
    double x[] = {1, 2}, y[] = {5, 4};
    static const char *const path[] = {"/a/runs/one", "/b/runs/one",
                                       "/b/runs/bone", "/b/runs/two"};
    for (size_t r = 0; r < 30; r++) {
        h[r].loss = (struct points){.count = 2, .x = x, .y = y};
        snprintf(h[r].path, sizeof h[r].path, "%s",
                 r < 4 ? path[r] : "/c/");
        if (r >= 4)
            sprintf(h[r].path, "/c/%0100zu", r);
    }
    char *picture = picture_of(h, 4);
    ck_assert(strstr(picture, ">a/runs/one training 4.0000<"));
    ck_assert(strstr(picture, ">b/runs/one training 4.0000<"));
    ck_assert(strstr(picture, ">bone training 4.0000<"));
    ck_assert(strstr(picture, ">two training 4.0000<"));
    picture = picture_of(h, 30);
    // Compare the styles of thirty runs
    ck_assert(strstr(picture, "viewBox=\"0 0 760 928\""));
    ck_assert(strstr(picture, "y=\"918\" fill=\"#2a7f8e\""));
    char long_name[90];
    sprintf(long_name, ">...%060d (dotted) training", 13);
    ck_assert(strstr(picture, long_name));
    ck_assert_int_eq(count_of(picture, "\"7 3\""), 2 * 12);
    ck_assert_int_eq(count_of(picture, "\"2 3\""), 2 * 6);
    ck_assert_int_eq(count_of(picture, "<polyline"), 60);
}
END_TEST
// Tests of the time left
/* fails if seconds are cut off and not rounded */
START_TEST(time_left_reads_like_a_clock)
{
    static const struct { double seconds; const char *text; } want[] = {
        {0, "0:00"}, {-3, "0:00"}, {.6, "0:01"}, {59.4, "0:59"},
        {125, "2:05"}, {3599, "59:59"}, {3600, "1:00:00"},
        {3723, "1:02:03"}, {90061, "25:01:01"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        char text[32];
        progress_time(text, want[i].seconds);
        ck_assert_str_eq(text, want[i].text);
    }
}
END_TEST
/* fails if the last step's look or save is left out */
START_TEST(time_left_counts_looks_saves_and_the_end)
{
    struct configuration c = configuration_default();
    struct costs k = {.look = 10, .save = 3, .whole = 100};
    for (int i = 1; i <= 3; i++)
        costs_step(&k, i);
    ck_assert_double_eq(k.step, 2);
    c.steps = 14;
    c.evaluate_every = 4;
    c.save_every = 5;
    ck_assert_double_eq(costs_left(&k, &c, 0, 14), 28 + 40 + 9 + 100);
    ck_assert_double_eq(costs_left(&k, &c, 7, 14), 14 + 30 + 6 + 100);
    ck_assert_double_eq(costs_left(&k, &c, 7, 12), 10 + 20 + 6);
    ck_assert_double_eq(costs_left(&k, &c, 8, 10), 4 + 3);
    ck_assert_double_eq(costs_left(&k, &c, 14, 14), 100);
}
END_TEST
// Tests of the journal
static void expect_refusal(const char *log, const char *timing)
{
    struct message m = {0};
    struct journal j = {.folder = "run", .log = fopen(log, "w"),
                        .timing = fopen(timing, "w")};
    ck_assert(j.log && j.timing);
    ck_assert(!journal_step(&j, 1, 5, 1, 1, 1, 1, &m));
    ck_assert_int_eq(m.status, EX_IOERR);
    ck_assert(strstr(m.text, "run: ") == m.text);
    m = (struct message){0};
    ck_assert(!journal_held_out(&j, 1, 5, true, &m)
              == (strcmp(log, "/dev/full") == 0));
    journal_close(&j, &m);
}

/* fails if a line that has not arrived goes unnoticed */
START_TEST(a_log_that_cannot_be_written_is_named)
{
    expect_refusal("/dev/full", "/dev/null");
    expect_refusal("/dev/null", "/dev/full");
}
END_TEST
/* fails if a path that is one byte too long is cut off */
START_TEST(a_path_that_just_does_not_fit_is_refused)
{
    static struct journal j;
    char path[PATH_ROOM];
    struct message m = {0};
    memset(j.folder, 'a', PATH_ROOM - 3);
    ck_assert(journal_path(path, &j, "b", &m));
    ck_assert_uint_eq(strlen(path), PATH_ROOM - 1);
    ck_assert(!journal_path(path, &j, "bc", &m));
    ck_assert_int_eq(m.status, EX_CANTCREAT);
}
END_TEST

/* fails if a plain line comes with every step */
START_TEST(plain_progress_says_where_the_run_is)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct progress p = progress_begin(out, 10);
    progress_step(&p, 1, 5, 200, 65, 100);
    progress_held_out(&p, 4.25);
    progress_step(&p, 2, 3, 200, 60, 129.9);
    progress_step(&p, 3, 3, 201, 55, 130);
    progress_step(&p, 10, 4.805, 202, 0, 131);
    progress_judge(&p, .25, 160.9);
    progress_judge(&p, .5, 161);
    progress_end(&p);
    fclose(out);
    ck_assert_str_eq(text, "step 1/10  loss 5.0000  200 tokens/s  1:05"
        " left\nstep 3/10  loss 4.8050  held-out 4.2500  201 tokens/s"
        "  0:55 left\nstep 10/10  loss 4.8050  held-out 4.2500"
        "  202 tokens/s  0:00 left\nheld-out text, all of it: 50 %\n");
    free(text);
}
END_TEST
/* fails if a newline or a byte that is not UTF-8 gets lost */
START_TEST(names_of_texts_survive_a_log)
{
    struct texts t, back;
    struct log l;
    struct message m = {0};
    char path[PATH_ROOM], folder[] = "/tmp/mhc-test-XXXXXX";
    ck_assert(mkdtemp(folder) && chdir(folder) == 0);
    ck_assert(texts_given(&t, "a \"quoted\"\n\\ name",
                          "caf\xe9 \xff/x", &m));
    ck_assert_str_eq(t.folder, folder);
    FILE *out = fopen("log", "w");
    fprintf(out, "{\"unigram\":1");
    texts_write(out, &t);
    fprintf(out, "}\n{\"step\":1}\n");
    fclose(out);
    memset(&back, 'x', sizeof back);
    ck_assert(log_open(&l, "log", &m));
    while (log_next(&l, &m))
        texts_take(&back, &l);
    log_close(&l);
    ck_assert_str_eq(back.data, t.data);
    ck_assert_str_eq(back.held_out, t.held_out);
    ck_assert_str_eq(back.folder, t.folder);
    // Find the texts from elsewhere
    texts_find(path, &t, "log");
    ck_assert(strncmp(path, folder, strlen(folder)) == 0);
    ck_assert_str_eq(path + strlen(folder), "/log");
    texts_find(path, &t, "/absolute");
    ck_assert_str_eq(path, "/absolute");
    strcpy(t.folder, "/nowhere");
    texts_find(path, &t, "log");
    ck_assert_str_eq(path, "log");
    texts_find(path, &t, "");
    ck_assert_str_eq(path, "");
    unlink("log");
    ck_assert(chdir("/") == 0 && rmdir(folder) == 0);
}
END_TEST
static char calls[100];

static int count_fsync(int handle)
{
    char link[64], path[PATH_ROOM];
    sprintf(link, "/proc/self/fd/%d", handle);
    ssize_t n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    strcat(calls, strstr(path, "log.jsonl") ? "l" : "");
    return fsync(handle);
}

static int count_rename(const char *from, const char *to)
{
    strcat(calls, strstr(to, "latest.saf") ? "S" : "");
    return rename(from, to);
}

static void enter_folder(char *folder)
{
    ck_assert(mkdtemp(folder) && chdir(folder) == 0);
    FILE *out = fopen("text", "w");
    for (int i = 0; i < 3000; i++)
        fputc("abcdefg\n"[i % 8], out);
    fclose(out);
    ck_assert(freopen("/dev/null", "w", stdout)
              && freopen("/dev/null", "w", stderr));
}

static void leave_folder(const char *folder)
{
    char command[64];
    ck_assert(chdir("/") == 0);
    sprintf(command, "rm -r %s", folder);
    ck_assert(system(command) == 0);
}

static int two_steps(void)
{
    char *words[] = {"train", "--data", "text", "--layers", "1",
        "--width", "8", "--heads", "2", "--context", "16", "--batch",
        "1", "--stop-at", "2", NULL};
    return command_train(15, words);
}

/* fails if the last step is saved twice */
START_TEST(a_run_that_stops_early_saves_once_and_keeps_its_log)
{
    char folder[] = "/tmp/mhc-test-XXXXXX";
    enter_folder(folder);
    file_calls.fsync = count_fsync;
    file_calls.rename = count_rename;
    ck_assert_int_eq(two_steps(), 0);
    ck_assert_str_eq(calls, "lSlS");
    leave_folder(folder);
}
END_TEST
static unsigned long disk_left = 1 << 30;     /* bytes */

int statvfs(const char *path, struct statvfs *disk)
{
    (void)path;
    *disk = (struct statvfs){.f_blocks = 1, .f_frsize = 1,
                             .f_bavail = disk_left};
    return 0;
}

/* fails if room for the best checkpoint is forgotten */
START_TEST(a_run_needs_room_for_three_checkpoints)
{
    char folder[] = "/tmp/mhc-test-XXXXXX";
    struct stat s;
    enter_folder(folder);
    ck_assert_int_eq(two_steps(), 0);
    ck_assert(stat("runs/run/latest.safetensors", &s) == 0);
    disk_left = 2 * (unsigned long)s.st_size;
    ck_assert_int_eq(two_steps(), 0);
    ck_assert(access("runs/run-2", F_OK) == 0);
    disk_left--;
    ck_assert_int_eq(two_steps(), EX_IOERR);
    ck_assert(access("runs/run-3", F_OK) != 0);
    leave_folder(folder);
}
END_TEST
static int opened, reading;
static size_t bytes_read;

static int count_open(const char *path, int flags, ...)
{
    int handle = open(path, flags, 0666);
    const char *end = strrchr(path, '.');
    if ((flags & O_ACCMODE) == O_RDONLY && end != NULL
        && strcmp(end, ".safetensors") == 0) {
        opened++;
        reading = handle;
    }
    return handle;
}

static ssize_t count_read(int handle, void *bytes, size_t count)
{
    ssize_t got = read(handle, bytes, count);
    if (handle == reading && got > 0)
        bytes_read += (size_t)got;
    return got;
}

static int count_close(int handle)
{
    reading = handle == reading ? -1 : reading;
    return close(handle);
}
static const struct reader {
    int (*command)(int argc, char **argv);
    size_t passes;              /* of the weights, after the sum */
    char *words[10];
} readers[] = {
    { command_info, 0, { "info", "runs/run" } },
    { command_evaluate, 2, { "evaluate", "runs/run", "--held-out",
                             "text" } },
    { command_train, 6, { "train", "--resume", "runs/run", "--stop-at",
                          "3" } },
    { command_train, 2, { "train", "--init", "runs/run", "--data",
                          "text", "--name", "new", "--stop-at", "1" } },
    // More readers of a checkpoint
    { command_sample, 2, { "sample", "runs/run", "--length", "1" } },
    { command_gain, 2, { "gain", "runs/run", "--data", "text", "--windows",
                         "1" } },
    { command_upcycle, 6, { "upcycle", "runs/run", "--out", "wide" } },
    { command_trace, 2, { "trace", "runs/run", "--data", "text", "--out",
                          "x" } },
};

/* fails if each question reads the file again */
START_TEST(a_command_opens_and_sums_its_checkpoint_once)
{
    char folder[] = "/tmp/mhc-test-XXXXXX";
    struct reader r = readers[_i];
    struct message m = { 0, "" };
    struct safetensors s;
    int count = 0;
    enter_folder(folder);
    ck_assert_int_eq(two_steps(), 0);
    ck_assert(safetensors_open(&s, "runs/run/latest.safetensors", &m));
    size_t size = s.size, weights = s.bytes / 3;
    safetensors_close(&s);
    while (r.words[count] != NULL)
        count++;
    file_calls.open = count_open;
    file_calls.read = count_read;
    file_calls.close = count_close;
    ck_assert_int_eq(r.command(count, r.words), 0);
    ck_assert_int_eq(opened, 1);
    ck_assert_uint_eq(bytes_read, 32 + size + r.passes * weights);
    leave_folder(folder);
}
END_TEST

Suite *plot_suite(void)
{
    Suite *s = suite_create("plot");
    TCase *t = tcase_create("plot");
    tcase_add_test(t, ticks_are_those_worked_out_by_hand);
    tcase_add_loop_test(t, ticks_are_round_inside_and_enough, 0, 400);
    tcase_add_test(t, a_log_gives_its_points_and_lines);
    tcase_add_test(t, what_is_no_log_is_refused);
    tcase_add_test(t, what_is_bad_in_a_log_is_left_out_and_said);
    tcase_add_test(t,
        a_long_line_is_read_and_an_empty_pipe_does_not_wait);
    tcase_add_test(t, a_log_is_cut_off_before_what_comes_again);
    tcase_add_test(t, a_picture_maps_corners_to_corners);
    tcase_add_test(t, losses_that_differ_by_an_ulp_are_drawn_as_equal);
    tcase_add_test(t, runs_in_one_picture_can_be_told_apart);
    tcase_add_test(t, time_left_reads_like_a_clock);
    tcase_add_test(t, a_log_that_cannot_be_written_is_named);
    tcase_add_test(t, a_path_that_just_does_not_fit_is_refused);
    tcase_add_test(t, plain_progress_says_where_the_run_is);
    tcase_add_test(t, time_left_counts_looks_saves_and_the_end);
    tcase_add_test(t, names_of_texts_survive_a_log);
    tcase_add_test(t,
        a_run_that_stops_early_saves_once_and_keeps_its_log);
    tcase_add_test(t, a_run_needs_room_for_three_checkpoints);
    tcase_add_loop_test(t,
        a_command_opens_and_sums_its_checkpoint_once, 0,
        sizeof readers / sizeof *readers);
    suite_add_tcase(s, t);
    t = tcase_create("size");
    tcase_set_tags(t, "slow");
    tcase_add_test(t,
        a_million_points_need_no_more_room_than_two_thousand);
    suite_add_tcase(s, t);
    return s;
}
