#include "device/emulator_bugs.h"
#include "device/emulator_kernels.h"
#include "support/suite.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* NULL on a real GPU; in a build without the checker */
void emulator_configure(void) __attribute__((weak));
extern const char emulator_checker[] __attribute__((weak));

// Tests of warps and blocks
static const struct emulator_kernels *const k = &emulator_kernels;

/* fails if a width is not kept, or a lane reads the wrong way */
START_TEST(gpu_shuffles_read_the_lane_that_is_asked_for)
{
    int out[10][32];
    k->shuffles(out[0]);
    for (int l = 0; l < 32; l++) {
        ck_assert_int_eq(out[0][l], 105);
        ck_assert_int_eq(out[1][l], 100 + l / 8 * 8 + 13 % 8);
        ck_assert_int_eq(out[2][l], 100 + (l < 3 ? l : l - 3));
        ck_assert_int_eq(out[3][l], 100 + (l % 16 < 3 ? l : l - 3));
        ck_assert_int_eq(out[4][l], 100 + (l > 28 ? l : l + 3));
        ck_assert_int_eq(out[5][l], 100 + (l % 8 > 4 ? l : l + 3));
        ck_assert_int_eq(out[6][l], 100 + (l ^ 9));
        ck_assert_int_eq(out[7][l],     /* only from groups below */
                         100 + ((l ^ 9) / 8 > l / 8 ? l : l ^ 9));
        ck_assert_int_eq(out[8][l], 100 + (l % 2 == 1 ? l ^ 2 : l ^ 4));
        ck_assert_int_eq(out[9][l], 100 + l * l % 32);
    }
}
END_TEST

/* fails if only four bytes of a value move */
START_TEST(gpu_shuffles_move_eight_bytes)
{
    double out[32];
    k->shuffle_doubles(out);
    for (int l = 0; l < 32; l++)
        ck_assert(out[l] == 1.0 / (1 + (l == 31 ? 31 : l + 1))
                  + (31 - l));
}
END_TEST

/* fails if lanes vote that do not exist, or are waited for */
START_TEST(gpu_votes_count_the_lanes_of_a_part_of_a_warp)
{
    unsigned out[5][40], first = 0, second = 0;
    k->votes(out[0]);
    for (unsigned t = 0; t < 40; t++)
        if (t % 3 == 0)
            *(t < 32 ? &first : &second) |= 1u << t % 32;
    for (unsigned t = 0; t < 40; t++) {
        ck_assert_uint_eq(out[0][t], t < 32 ? first : second);
        ck_assert_uint_eq(out[1][t], t >= 32);
        ck_assert_uint_eq(out[2][t], t < 32);
        ck_assert_uint_eq(out[3][t], 1u << t % 32);
        ck_assert_uint_eq(out[4][t], t < 20 ? 0xfffff : 0);
    }
}
END_TEST

/* fails if a reduction takes lanes outside its mask, or a sign */
START_TEST(gpu_reductions_stay_in_their_half_of_the_warp)
{
    int out[9][32];
    k->reductions(out[0]);
    for (int l = 0; l < 32; l++) {
        int first = l / 16 * 16, and = ~0, or = 0, xor = 0, sum = 0;
        for (int i = first; i < first + 16; i++) {
            sum += i;
            and &= 256 + i + 1;
            or |= i + 1;
            xor ^= i + 1;
        }
        ck_assert_int_eq(out[0][l], sum - 16 * 20);
        ck_assert_int_eq(out[1][l], first - 20);
        ck_assert_int_eq(out[2][l], first + 15 - 20);
        ck_assert_int_eq(out[3][l], sum + 16);
        ck_assert_int_eq(out[4][l], first + 1);
        ck_assert_int_eq(out[5][l], first + 16);
        ck_assert_int_eq(out[6][l], and);
        ck_assert_int_eq(out[7][l], or);
        ck_assert_int_eq(out[8][l], xor);
    }
}
END_TEST

/* fails if threads that have ended are waited for, or vote */
START_TEST(gpu_barriers_vote_among_those_that_live)
{
    int out[4][96];
    k->barriers(out[0]);
    for (int t = 0; t < 96; t++) {
        ck_assert_int_eq(out[0][t], t < 80 ? 40 : 0);
        ck_assert_int_eq(out[1][t] != 0, t < 80);
        ck_assert_int_eq(out[2][t], 0);
        ck_assert_int_eq(out[3][t], 0);
    }
}
END_TEST

/* fails if an index of three dimensions is turned round */
START_TEST(gpu_every_thread_of_a_grid_runs_once_with_its_index)
{
    int out[12 * 24];
    k->indices(out);
    for (int i = 0; i < 12 * 24; i++)
        ck_assert_int_eq(out[i], 1000 * (i / 24) + i % 24);
}
END_TEST

/* fails if a block sees another's shared memory */
START_TEST(gpu_blocks_sum_in_shared_memory)
{
    float out[50];
    k->block_sums(out, 50);
    for (int b = 0; b < 50; b++)        /* exact: integers */
        ck_assert(out[b] == (float)(256 * b + 255 * 256 / 2));
}
END_TEST

/* fails if 64 KB are had without being asked for, or not then */
START_TEST(gpu_large_shared_memory_must_be_asked_for)
{
    int out[2];
    k->dynamic(out, 64 << 10);
    ck_assert_int_ne(out[0], 0);
    ck_assert_int_eq(out[1], (64 << 10) / (int)sizeof(int) - 1);
}
END_TEST

/* fails if an atomic operation loses one of 64 threads */
START_TEST(gpu_atomic_operations_lose_nothing)
{
    int out[10];
    k->atomics(out);
    ck_assert_int_eq(out[0], 63 * 64 / 2);
    ck_assert_int_eq(out[1], 63);
    ck_assert_int_eq(out[2], -63);
    ck_assert_int_eq(out[3], 7);
    ck_assert_int_eq(out[4], 128);
    ck_assert_int_eq(out[5], -3 * 64);
    ck_assert_int_eq(out[6], -1);
    ck_assert_int_eq(out[7], 0);
    ck_assert_int_eq(out[8], 0);        /* 0 ^ 1 ^ ... ^ 63 */
    ck_assert_int_eq(out[9], 32);
}
END_TEST

/* fails if the parts of a float4 are mixed up */
START_TEST(gpu_vectors_keep_their_parts_apart)
{
    float out[64];
    k->vectors(out);
    for (int t = 0; t < 16; t++) {
        int x = 4 * t;
        ck_assert(out[x] == (float)(x + 3) && out[x + 1] == (float)x
                  && out[x + 2] == (float)-(x + 1)
                  && out[x + 3] == (float)(x + 3 + x + 2));
    }
}
END_TEST

/* fails if a copy of 4, 8 or 16 bytes is short, or zeros are not */
START_TEST(gpu_shared_copies_arrive_when_waited_for)
{
    int out[3][64];
    k->pipeline(out[0]);
    for (int t = 0; t < 64; t++) {
        int from = 63 - t;
        ck_assert_int_eq(out[0][t], from);
        ck_assert_int_eq(out[1][t], from);
        ck_assert_int_eq(out[2][t], from % 2 == 0 ? from : 0);
    }
}
END_TEST

// Tests of the runtime
/* fails if an argument is not converted to its parameter's type */
START_TEST(gpu_arguments_are_converted_as_in_a_call)
{
    double out[5];
    k->arguments(out);
    ck_assert(out[0] == (double)(1.0f / 3));
    ck_assert(out[1] == 70001 - 65536);
    ck_assert(out[2] == 3.25);
    ck_assert(out[3] == sizeof(short));
    ck_assert(out[4] == 2);
}
END_TEST

/* fails if a stream runs ahead of what it waits for */
START_TEST(gpu_streams_keep_order_and_wait_for_events)
{
    int out[4];
    k->streams(out);
    ck_assert_int_eq(out[0], 3);        /* (0 + 1) 2 + 1 */
    ck_assert_int_eq(out[1], 3);
    ck_assert_int_eq(out[2], 2);        /* (0 + 1) 2 */
    ck_assert_int_eq(out[3], 1);
}
END_TEST

/* fails if time runs backwards */
START_TEST(gpu_events_measure_time)
{
    float ms[2];
    k->events(ms);
    ck_assert(ms[0] > 0 && ms[0] < 1e5f);
    ck_assert(ms[1] == 0);
}
END_TEST

/* fails if an error stays, is lost, or has another name */
START_TEST(gpu_what_cannot_be_launched_is_refused_once)
{
    int out[6];
    const char *name[3];
    k->errors(out, name);
    ck_assert_int_eq(out[0], 9);
    ck_assert_int_eq(out[1], 9);
    ck_assert_int_eq(out[2], 0);
    ck_assert_int_ne(out[3], 0);
    ck_assert_int_ne(out[4], 0);
    ck_assert_int_eq(out[5], 2);
    ck_assert_str_eq(name[0], "cudaErrorInvalidConfiguration");
    ck_assert_str_eq(name[1], "out of memory");
    ck_assert_str_eq(name[2], "cudaSuccess");
}
END_TEST

/* fails if memory given back is not given again, or set short */
START_TEST(gpu_memory_is_given_back)
{
    int out[5];
    k->memory(out);
    ck_assert_int_eq(out[0], 0);
    ck_assert_int_eq(out[1], 1);
    ck_assert_int_eq(out[2], 1);
    ck_assert_int_eq(out[3], 0);
    ck_assert_int_eq(out[4], 1);
}
END_TEST

// Tests of the emulator's own
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZES = 1 };
#else
enum { SANITIZES = 0 };
#endif

/* fails if new memory, shared or not, has numbers in it */
START_TEST(gpu_emulated_memory_begins_as_nan)
{
    float out[3];
    k->poison(out);
    ck_assert(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
}
END_TEST

// Tests with bugs
/* what a child says on stderr; returns its status */
static int run_apart(char *said, size_t room, void (*what)(int),
                     int which, const char *setting, const char *value)
{
    int line[2], status = 0;
    char more[1000];
    size_t used = 0;
    ssize_t got;
    ck_assert(pipe(line) == 0);
    fflush(NULL);
    pid_t child = fork();
    ck_assert(child >= 0);
    if (child == 0) {
        dup2(line[1], STDERR_FILENO);
        close(line[0]);
        close(line[1]);
        if (setting != NULL)
            setenv(setting, value, 1);
        if (emulator_configure != NULL)
            emulator_configure();
        what(which);
        exit(0);
    }
    close(line[1]);
    while ((got = read(line[0], more, sizeof more)) > 0) {
        size_t keep = (size_t)got < room - 1 - used ? (size_t)got
                                                    : room - 1 - used;
        memcpy(said + used, more, keep);
        used += keep;
    }
    said[used] = 0;
    close(line[0]);
    ck_assert(waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256;
}

static void wrong_form(int i) { emulator_bugs[i].run(false); }
static void right_form(int i) { emulator_bugs[i].run(true); }
static bool names_line(const char *said, const char *bug)
{
    char line[200], text[80];
    bool marked = false, named = false;
    FILE *f = fopen("tests/device/emulator_bugs.cu", "r");
    ck_assert_msg(f != NULL, "run it where tests/ is");
    for (int n = 1; fgets(line, sizeof line, f) != NULL; n++) {
        char *comment = strstr(line, "/* ");
        if (comment == NULL)
            continue;
        for (char *word = strtok(comment, " \n"); word != NULL;
             word = strtok(NULL, " \n"))
            if (strcmp(word, bug) == 0) {
                snprintf(text, sizeof text, "emulator_bugs.cu:%d", n);
                const char *at = strstr(said, text);
                marked = true;
                named |= at != NULL
                    && (at[strlen(text)] < '0'
                        || at[strlen(text)] > '9');
            }
    }
    fclose(f);
    return named || !marked;
}
/* fails if a bug goes unseen, or is blamed on another line */
START_TEST(gpu_bug_is_found_and_its_line_named)
{
    const struct bug *b = &emulator_bugs[_i];
    char said[4000] = "";
    bool guarded = b->found & GUARDED;
    const char *setting = guarded ? "EMULATOR_GUARD"
        : b->found & LAZY ? "EMULATOR_STREAMS" : NULL;
    int status = run_apart(said, sizeof said, wrong_form, _i, setting,
                           guarded ? "1" : "lazy");
    ck_assert_msg(status == 86 || (status == 1 && SANITIZES),
                  "%s: status %d: %s", b->name, status, said);
    ck_assert_msg(names_line(said, b->name), "%s: %s", b->name, said);
}
END_TEST

/* fails if the right form of a bug is found wrong */
START_TEST(gpu_right_form_of_a_bug_passes)
{
    char said[4000] = "";
    int status = run_apart(said, sizeof said, right_form, _i, NULL,
                           NULL);
    ck_assert_msg(status == 0 && said[0] == 0, "%s: status %d: %s",
                  emulator_bugs[_i].name, status, said);
}
END_TEST
static void count_these(int which)
{
    if (which < 100)
        k->columns(which);
    else
        k->strided(which - 100);
}

static void counted(const char *file, int which, const char *want)
{
    char said[4000] = "", line[200] = "";
    int status = run_apart(said, sizeof said, count_these, which,
                           "EMULATOR_COUNT", file);
    ck_assert_msg(status == 0, "%s", said);
    FILE *f = fopen(file, "r");
    ck_assert(f != NULL && fgets(line, sizeof line, f) != NULL);
    fclose(f);
    unlink(file);
    ck_assert_str_eq(line, want);
}

/* fails if a sector counts twice, or lanes are put together wrong */
START_TEST(gpu_sectors_bytes_and_bank_conflicts_are_counted)
{
    char file[] = "/tmp/counts-XXXXXX";
    close(mkstemp(file));
    unlink(file);
    counted(file, 32, "\"column\",1,0,4,0,128,62\n");
    counted(file, 33, "\"column\",1,0,4,0,128,0\n");
    counted(file, 34, "\"column\",1,0,4,0,128,2\n");
    counted(file, 101, "\"every\",2,8,8,512,256,0\n");
    counted(file, 108, "\"every\",2,64,8,512,256,0\n");
}
END_TEST

// Register the emulator's tests
static void add_bugs(TCase *c)
{
    unsigned found = ALWAYS | LAZY
        | (emulator_checker != NULL ? CHECKED : 0)
        | (SANITIZES ? SANITIZED : GUARDED);
    for (int i = 0; i < (int)emulator_bug_count; i++) {
        if (emulator_bugs[i].found & found)
            tcase_add_loop_test(c, gpu_bug_is_found_and_its_line_named,
                                i, i + 1);
        tcase_add_loop_test(c, gpu_right_form_of_a_bug_passes, i,
                            i + 1);
    }
}

Suite *gpu_emulator_suite(void);
Suite *gpu_emulator_suite(void)
{
    Suite *s = suite_create("gpu_emulator");
    TCase *c = tcase_create("gpu_language");
    TCase *b = tcase_create("gpu_bugs");
    suite_add_tcase(s, c);
    tcase_add_test(c, gpu_shuffles_read_the_lane_that_is_asked_for);
    tcase_add_test(c, gpu_shuffles_move_eight_bytes);
    tcase_add_test(c, gpu_votes_count_the_lanes_of_a_part_of_a_warp);
    tcase_add_test(c, gpu_reductions_stay_in_their_half_of_the_warp);
    tcase_add_test(c, gpu_barriers_vote_among_those_that_live);
    tcase_add_test(c,
                   gpu_every_thread_of_a_grid_runs_once_with_its_index);
    tcase_add_test(c, gpu_blocks_sum_in_shared_memory);
    tcase_add_test(c, gpu_large_shared_memory_must_be_asked_for);
    tcase_add_test(c, gpu_atomic_operations_lose_nothing);
    tcase_add_test(c, gpu_vectors_keep_their_parts_apart);
    tcase_add_test(c, gpu_shared_copies_arrive_when_waited_for);
    tcase_add_test(c, gpu_arguments_are_converted_as_in_a_call);
    tcase_add_test(c, gpu_streams_keep_order_and_wait_for_events);
    tcase_add_test(c, gpu_events_measure_time);
    tcase_add_test(c, gpu_what_cannot_be_launched_is_refused_once);
    tcase_add_test(c, gpu_memory_is_given_back);
    if (emulator_configure == NULL)
        return s;
    suite_add_tcase(s, b);
    if (emulator_checker == NULL && !SANITIZES)
        tcase_add_test(c, gpu_emulated_memory_begins_as_nan);
    if (emulator_checker != NULL)
        tcase_add_test(
            c, gpu_sectors_bytes_and_bank_conflicts_are_counted);
    add_bugs(b);
    return s;
}
