#include "support/cpu.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "model/model.h"

void __gcov_reset(void);
void __gcov_dump(void);

static void count(void *context, const struct site *s)
{
    (void)context;
    if (s->index == 1)
        __gcov_reset();
    if (s->index == 2) {
        __gcov_dump();
        _exit(EXIT_SUCCESS);
    }
}

int main(void)
{
    struct configuration c = configuration_default();
    struct model m;
    struct message message = { 0, "" };
    strcpy(c.connection, "mhc");
    c.streams = 4;
    token *text = calloc(c.context, sizeof *text);
    if (text == NULL
        || !model_open(&m, &c, &cpu, 1, TRAINING, 0, &message))
        return EXIT_FAILURE;
    model_initialise(&m);
    m.watch.forward = count;
    model_forward(&m, text, text);
    return EXIT_FAILURE;
}
