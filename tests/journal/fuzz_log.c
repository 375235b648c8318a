#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "checkpoint/fuzz_support.h"
#include "journal/journal.h"
#include "plot/plot.h"

// Offer settings
static void offer_setting(struct configuration *c, const char *name,
                          const char *text)
{
    struct configuration before = *c;
    struct message m = { 0, "" };
    char got[64], again[64];
    if (!configuration_set(c, name, text, &m)) {
        fuzz_demand(m.status != 0);
        fuzz_demand(memcmp(c, &before, sizeof before) == 0);
        return;
    }
    const struct field *f = field_find(configuration_fields, name);
    field_get(c, f, got);
    fuzz_demand(configuration_set(c, name, got, &m));
    field_get(c, f, again);
    fuzz_demand(strcmp(got, again) == 0);
}

static void offer_settings(const char *text, size_t size)
{
    struct configuration c = configuration_default();
    struct message m = { 0, "" };
    char *copy = strndup(text, size), *rest = copy, *line;
    while ((line = strsep(&rest, "\n")) != NULL) {
        char *value = strchr(line, ' ');
        if (value != NULL) {
            *value = '\0';
            offer_setting(&c, line, value + 1);
        }
    }
    if (!configuration_check(&c, &m))
        fuzz_demand_message(&m);
    free(copy);
}
// Offer a log
static const char *put(const char *name, const unsigned char *bytes,
                       size_t size)
{
    const char *path = folder_file(name);
    FILE *out = fopen(path, "wb");
    fuzz_demand(out != NULL);
    fwrite(bytes, 1, size, out);
    fclose(out);
    return path;
}

static void offer_log(const unsigned char *bytes, size_t size)
{
    static bool made;
    struct message m = { 0, "" };
    struct history h;
    if (!made) {
        folder_make();
        atexit(folder_remove);
    }
    made = true;
    if (history_read(&h, put("log.jsonl", bytes, size), &m)) {
        for (size_t i = 0; i < h.loss.count; i++)
            fuzz_demand(h.loss.x[i] >= 0);
        fuzz_demand(plot_write(folder_file("p.svg"), &h, 1, &m));
        history_free(&h);
    } else
        fuzz_demand_message(&m);
}
// Go on with a log
static void go_on(const unsigned char *bytes, size_t size)
{
    struct message m = { 0, "" };
    struct journal j;
    struct log l;
    put("timing.jsonl", bytes, size);
    char *folder = strdup(folder_file(""));
    put("latest.safetensors", bytes, 0);
    if (!journal_open(&j, folder, &m) || !journal_resume(&j, 3, &m)) {
        fuzz_demand_message(&m);
        journal_close(&j, &m);
    } else
        fuzz_demand(journal_step(&j, 4, 2.5, 0.1, 1, 0.5, 10, &m)
                    && journal_close(&j, &m)
                    && log_open(&l, folder, &m));
    if (m.status == 0) {
        size_t last = 0;
        while (log_next(&l, &m)) {
            fuzz_demand(l.step <= 3 || (l.step == 4 && last <= 3));
            last = l.step;
        }
        fuzz_demand(m.status == 0 && last == 4 && !l.torn);
        log_close(&l);
    }
    free(folder);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    const unsigned char *zero = size ? memchr(bytes, 0, size) : NULL;
    size_t length = zero ? (size_t)(zero - bytes) : size;
    if (zero)
        offer_settings((const char *)zero + 1, size - length - 1);
    offer_log(bytes, length);
    go_on(bytes, length);
    return 0;
}

// Write logs to begin with
void fuzz_seeds(const char *folder)
{
    static const char log[] =
        "{\"unigram\":3.1,\"bigram\":2.5,\"data\":\"a\",\"steps\":9}\n"
        "{\"step\":1,\"loss\":5.5,\"rate\":0.001}\n"
        "{\"step\":2,\"loss\":4.5,\"rate\":0.001}\n"
        "{\"step\":2,\"held_out\":4.75}\n"
        "{\"step\":3,\"loss\":3.5,\"rate\":0.001}\n"
        "{\"step\":3,\"event\":\"gain\",\"forward\":1.5}\n"
        "{\"step\":4,\"loss\":3.25,\"rate\":1e-3}\n{\"step\":4,\"he";
    static const char settings[] = "width 64\nrate 0.003\ntied yes\n"
        "beta2 0.95\nconnection residual\nsteps 18446744073709551615";
    char all[sizeof log + sizeof settings];
    fuzz_seed(folder, "log", log, sizeof log - 1);
    memcpy(all, log, sizeof log);
    memcpy(all + sizeof log, settings, sizeof settings);
    fuzz_seed(folder, "both", all, sizeof all - 1);
}
