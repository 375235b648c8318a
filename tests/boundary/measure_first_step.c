#include "support/cpu.h"
#include "model/kinds.h"
#include "ground/random.h"
#include "model/model.h"
#include <stdio.h>

enum { LENGTH = 128, WORDS = 256 };
static token input[LENGTH], target[LENGTH];
static real logits[2][LENGTH * WORDS];

// The loss of a first step
static double first_loss(size_t k, const char *kind, size_t streams,
                         bool published)
{
    struct configuration c = configuration_default();
    struct message message = { 0 };
    struct model m;
    c.streams = streams;
    strcpy(c.connection, kind);
    if (!model_open(&m, &c, &cpu, 1, INFERENCE, 0, &message))
        return NAN;
    model_initialise(&m);
    for (size_t i = 0; published && i < m.parameters.used; i++) {
        const struct parameter *p = &m.parameters.list[i];
        for (size_t j = 0; strstr(p->name, "bias") && j < streams; j++)
            if (reals(m.weights)[p->offset + j] != 1 || streams == 1)
                reals(m.weights)[p->offset + j] = streams == 1 ? 1 : -1;
    }
    model_forward(&m, input, target);
    double loss = model_loss(&m);
    for (size_t t = 0; t < LENGTH; t++)
        model_logits(&m, logits[k] + t * WORDS, t);
    model_close(&m);
    return loss;
}

int main(void)
{
    for (size_t t = 0; t < LENGTH; t++) {
        input[t] = (token)random_below(1, 0, t, WORDS);
        target[t] = (token)random_below(2, 0, t, WORDS);
    }
    double want = first_loss(0, "residual", 1, false);
    printf("streams,loss_published,logits_published,loss,logits\n");
    for (size_t n = 1; n <= 8; n *= 2) {
        printf("%zu", n);
        for (int ours = 0; ours < 2; ours++) {
            double loss = first_loss(1, "mhc", n, !ours);
            // Print how far loss and logits are off
            double most = 0;
            for (size_t i = 0; i < LENGTH * WORDS; i++)
                most = fmax(most, fabs((double)logits[0][i]
                                       - (double)logits[1][i]));
            printf(",%.1e,%.1e", fabs(loss - want), most);
        }
        printf("\n");
    }
    return 0;
}
