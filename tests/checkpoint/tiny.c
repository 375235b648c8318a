#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/tiny.h"

struct configuration tiny_configuration(void)
{
    struct configuration c = configuration_default();
    c.layers = 1, c.width = 8, c.heads = 2, c.hidden = 12;
    c.context = 8, c.vocabulary = 128, c.seed = 11;
    c.batch = 2, c.steps = 7, c.warmup = 2, c.rate = 0.01;
    return c;
}

void tiny_open(struct trainer *t)
{
    static const char text[] = "It is a truth universally acknowledged,"
                               " that a single";
    static struct corpus corpus;
    struct message m = { 0, "" };
    struct configuration c = tiny_configuration();
    corpus.training = (struct text){ (const void *)text, sizeof text };
    corpus.held_out = (struct text){ (const void *)(text + 7), 20 };
    if (!trainer_open(t, &c, &cpu, &corpus, &m)) {
        fprintf(stderr, "%s\n", m.text);
        abort();
    }
}

void tiny_close(struct trainer *t)
{
    trainer_close(t);
}
