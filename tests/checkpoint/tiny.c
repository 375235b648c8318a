#include "support/cpu.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/tiny.h"

struct configuration tiny_configuration(void)
{
    struct configuration c = configuration_default();
    c.layers = 1, c.width = 4, c.heads = 2, c.hidden = 4;
    c.context = 8, c.vocabulary = 32, c.seed = 11;
    c.tied = true, c.batch = 2, c.steps = 7,
    c.warmup = 2, c.rate = 0.01;
    return c;
}

void tiny_open_as(struct trainer *t, const struct configuration *c)
{
    static const char said[] = "It is a truth universally acknowledged,"
                               " that a single";
    static unsigned char text[sizeof said];
    static struct corpus corpus;
    struct message m = { 0, "" };
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = said[i] & 31;
    corpus.training = (struct text){ text, sizeof text };
    corpus.held_out = (struct text){ text + 7, 20 };
    if (!trainer_open(t, c, &cpu, &corpus, &m)) {
        fprintf(stderr, "%s\n", m.text);
        abort();
    }
}

void tiny_open(struct trainer *t)
{
    struct configuration c = tiny_configuration();
    tiny_open_as(t, &c);
}

void tiny_close(struct trainer *t)
{
    trainer_close(t);
}

bool tiny_read(struct trainer *t, const char *path, struct message *m)
{
    struct checkpoint k;
    bool good = checkpoint_open(&k, path, m)
        && checkpoint_read(t, &k, m);
    checkpoint_close(&k);
    return good;
}

bool tiny_read_weights(struct model *model, const char *path,
                       struct message *m)
{
    struct checkpoint k;
    bool good = checkpoint_open(&k, path, m)
        && checkpoint_read_weights(model, &k, m);
    checkpoint_close(&k);
    return good;
}
