#include <math.h>
#include <stdio.h>
#include <sysexits.h>
#include "checkpoint/checkpoint.h"
#include "commands/checkpoint_path.h"
#include "commands/commands.h"
#include "commands/options.h"
#include "training/training.h"

static const char *text;

// Evaluate a checkpoint
static bool evaluate(const struct options *o, struct message *m)
{
    char path[PATH_ROOM];
    struct checkpoint k = {0};
    struct corpus corpus = {0};
    struct trainer trainer = {0};
    double nats = 0;
    if (o->operands != 1 || !text)
        return fail(m, EX_USAGE, "a checkpoint and --held-out FILE are"
                    " wanted");
    bool good = checkpoint_look(&k, path, o->operand[0], m)
             && corpus_open(&corpus, text, text,
                            k.configuration.context, m)
             && trainer_open_to_evaluate(&trainer, &k.configuration,
                                         o->device, &corpus, m)
             && checkpoint_read_weights(&trainer.model, &k, m)
             && trainer_evaluate(&nats, &trainer, 0, m);
    if (good)
        printf("%s on %s: %.6f nats a byte, %.6f bits\n", path, text,
               nats, nats / M_LN2);
    trainer_close(&trainer);
    corpus_close(&corpus);
    checkpoint_close(&k);
    return good;
}

int command_evaluate(int argc, char **argv)
{
    const struct own_option own[] = {
        {"held-out", "FILE", "the text to predict", &text},
        {0}};
    const struct request request = {"evaluate", "CHECKPOINT",
        "The loss of a checkpoint (or of a run's latest) over a whole"
        " text: every byte but the first is predicted once.\n\v"
        "For instance:\n  mhc evaluate runs/run"
        " --held-out data/persuasion.txt", own, false, true};
    return options_run(&request, argc, argv, evaluate);
}
