#include "support/cpu.h"
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
    { "feedforward", "|feedforward.gate_up|" },
    { "answers", "|answer|" },
    { "passing", "|dstream|dcoefficients|dinput|dnormed|danswer|"
                 "shared|logits|each|lse|" },
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

// Print one model
static void print(const char *name, const char *connection,
                  enum use use, size_t block)
{
    struct message message = { 0, "" };
    struct configuration c = configuration_default();
    struct architecture a;
    struct model m;
    const size_t sequences = 16;
    size_t bytes[GROUPS + 1] = { 0 };
    if (connection_find(connection) == NULL)
        return;
    strcpy(c.connection, connection);
    c.streams = (size_t)(name[0] - '0');
    if (!architecture_find(&a, &c, &message) ||
        !model_plan(&m, &a, &c, &cpu, sequences, use, block,
                    &message)) {
        fprintf(stderr, "%s\n", message.text);
        exit(1);
    }
    for (size_t i = 0; i < m.tape.used; i++)
        bytes[group_of(m.tape.list[i].name)] +=
            m.tape.list[i].copies * m.tape.list[i].stride;
    bytes[GROUPS - 1] += m.workspace;
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
    print("1 stream", "residual", TRAINING, 0);
    print("1 stream; blocks of 2", "residual", TRAINING, 2);
    print("4 streams", "hc-static", TRAINING, 0);
    print("4 streams; blocks of 1", "hc-static", TRAINING, 1);
    print("4 streams; blocks of 2", "hc-static", TRAINING, 2);
    print("4 streams; blocks of 3", "hc-static", TRAINING, 3);
    print("4 streams; blocks of 4", "hc-static", TRAINING, 4);
    print("4 streams; inference", "hc-static", INFERENCE, 0);
    return 0;
}
