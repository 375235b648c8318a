#include "model/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The groups of arrays
enum { GROUPS = 6 };

static const struct { const char *name, *list; } group[GROUPS] = {
    { "streams", "|stream|stream of a block|input|" },
    { "normed", "|normed|inverse_rms|coefficients|" },
    { "attention", "|attention.qkv|attention.mixed|attention.lse|" },
    { "feedforward", "|feedforward.gate|feedforward.up|" },
    { "answers", "|answer|" },
    { "passing", "|dstream|dcoefficients|dinput|dnormed|danswer|"
                 "shared; exact|shared; rounded|logits|each|lse|" },
};

static size_t group_of(const char *name)
{
    char word[64];
    snprintf(word, sizeof word, "|%s|", name);
    for (size_t g = 0; g < GROUPS; g++)
        if (strstr(group[g].list, word) != NULL)
            return g;
    return GROUPS;
}

// A connection that can be planned
static size_t coefficients(const struct connection *k, size_t n)
{
    (void)k;
    return n + n + n * n;
}

static void read(const struct site *s)
{
    (void)s;
}

static const struct connection four = {
    .name = "four", .most_streams = 4, .keeps_answer = true,
    .coefficients = coefficients, .read = read
};

// Print one model
static void print(const char *name, const struct connection *k,
                  enum use use, size_t block)
{
    struct message message = { 0, "" };
    struct configuration c = configuration_default();
    struct architecture a;
    struct model m;
    const size_t sequences = 16;
    size_t bytes[GROUPS + 1] = { 0 };
    bool found = architecture_find(&a, &c, &message);
    if (k != NULL) {
        a.connection = k;
        c.streams = k->most_streams;
    }
    if (!found ||
        !model_plan(&m, &a, &c, &cpu, sequences, use, block,
                    &message)) {
        fprintf(stderr, "%s\n", message.text);
        exit(1);
    }
    for (size_t i = 0; i < m.tape.used; i++)
        bytes[group_of(m.tape.list[i].name)] +=
            array_bytes(&m.tape, &m.tape.list[i]);
    printf("%s", name);
    for (size_t g = 0; g < GROUPS; g++)
        printf(",%.0f", (double)bytes[g]
                        / (double)(sequences * c.context));
    printf("\n");
    model_close(&m);
}

int main(void)
{
    printf("model");
    for (size_t g = 0; g < GROUPS; g++)
        printf(",%s", group[g].name);
    printf("\n");
    print("1 stream", NULL, TRAINING, 0);
    print("1 stream; blocks of 2", NULL, TRAINING, 2);
    print("4 streams", &four, TRAINING, 0);
    print("4 streams; blocks of 1", &four, TRAINING, 1);
    print("4 streams; blocks of 2", &four, TRAINING, 2);
    print("4 streams; blocks of 3", &four, TRAINING, 3);
    print("4 streams; blocks of 4", &four, TRAINING, 4);
    print("4 streams; inference", &four, INFERENCE, 0);
    return 0;
}
