#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "checkpoint/durable.h"
#include "checkpoint/safetensors.h"
#include "ground/random.h"

enum { COUNT = 1 << 18, KILLS = 100 };
static real values[COUNT];
static char folder[] = "/tmp/kills.XXXXXX", path[80];
static char *bytes;             /* of a good file */
static size_t size;

// The time in seconds
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void wait_for(double seconds)
{
    time_t whole = (time_t)seconds;
    struct timespec t = { whole,
                          (long)(1e9 * (seconds - (double)whole)) };
    nanosleep(&t, NULL);
}
// Save in place
static bool save_in_place(void)
{
    FILE *file = fopen(path, "wb");
    bool good = file != NULL && fwrite(bytes, 1, size, file) == size;
    return file != NULL && fclose(file) == 0 && good;
}

// Save durably
static bool save_durably(void)
{
    const struct tensor t = { .name = "t", .rank = 1,
                              .shape = { COUNT }, .data = values };
    struct message m = { 0, "" };
    return safetensors_write(path, &t, 1, NULL, 0, &m);
}

// Compute and save for ever
static double time_of(bool (*save)(void))
{
    double start = now();
    for (int i = 0; i < 5; i++)
        save();
    return (now() - start) / 5;
}

static void run(bool (*save)(void), double pause, int ready)
{
    bool good = save() && write(ready, "", 1) == 1;
    while (good) {
        wait_for(pause);
        good = save();
    }
    _exit(1);
}

// Count the checkpoints lost to kills
static double lost(bool (*save)(void), double share)
{
    double period = time_of(save) / share;
    int kills_lost = 0, ready[2];
    if (pipe(ready) != 0)
        exit(1);
    for (uint64_t i = 0; i < KILLS; i++) {
        struct message m = { 0, "" };
        struct safetensors s;
        // Let a child run, and kill it after its first save
        pid_t child = fork();
        if (child == 0)
            run(save, (1 - share) * period, ready[1]);
        char byte;
        if (read(ready[0], &byte, 1) != 1)
            exit(1);
        wait_for(period * random_uniform(1, 1, i));
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        if (safetensors_open(&s, path, &m))
            safetensors_close(&s);
        else
            kills_lost++;
    }
    close(ready[0]);
    close(ready[1]);
    return (double)kills_lost / KILLS;
}

// Make a good file
static void make_good_file(void)
{
    struct message m = { 0, "" };
    struct safetensors s;
    if (mkdtemp(folder) == NULL)
        exit(1);
    snprintf(path, sizeof path, "%s/x", folder);
    if (!save_durably() || !safetensors_open(&s, path, &m))
        exit(1);
    size = s.size;
    bytes = malloc(size);
    if (bytes == NULL)
        exit(1);
    memcpy(bytes, s.image, s.start);
    if (!safetensors_bytes(bytes + s.start, &s, 0, s.bytes, &m))
        exit(1);
    safetensors_close(&s);
}

int main(void)
{
    static const double share[] = { 0.25, 0.5, 0.75, 1 };
    make_good_file();
    printf("share,kills,in_place,durable\n");
    for (size_t i = 0; i < sizeof share / sizeof *share; i++) {
        printf("%g,%d,", share[i], KILLS);
        printf("%g,", lost(save_in_place, share[i]));
        printf("%g\n", lost(save_durably, share[i]));
    }
    // Remove the folder
    unlink(path);
    durable_sweep(folder);
    rmdir(folder);
    free(bytes);
    return 0;
}
