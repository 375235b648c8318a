#ifndef TRAINING_H
#define TRAINING_H
#include "model/configuration.h"
#include "corpus/batches.h"
#include "corpus/corpus.h"
#include "device/device.h"
#include "model/model.h"
#include "layers/optimizer.h"
#include "layers/schedule.h"

LANGUAGE_C_BEGIN
/* Besides the configuration and the rows of trainer_rows, all that a
   run must know to go on. */
struct bookmark {
    size_t step;                /* updates made */
    struct position position;   /* of the window that comes next */
    double best;                /* lowest held-out loss, nats a byte */
    uint64_t training_text, held_out_text;      /* fingerprints */
};

struct trainer {
    struct configuration options;
    struct device *device;
    const struct corpus *corpus;
    struct model model;
    struct bookmark bookmark;
    struct batches batches;
    struct array first, second;     /* the moments */
    struct array sum, adamw;        /* loss and norm; see device_step */
    struct recording part, update;  /* see device_repeat */
    struct segment *segment;        /* one for each parameter */
    token *input, *target;      /* [batch][context] */
    real *losses;               /* [batch][context], nats */
};

// Functions of the trainer
/* a new run, before its first update; corpus must stay open */
bool trainer_open(struct trainer *t, const struct configuration *c,
                  struct device *device, const struct corpus *corpus,
                  struct message *m);
/* the same, to be evaluated and not to be trained: without gradients,
   moments, and what forward keeps for backward */
bool trainer_open_to_evaluate(struct trainer *t,
                              const struct configuration *c,
                              struct device *device,
                              const struct corpus *corpus,
                              struct message *m);
void trainer_close(struct trainer *t);
/* bytes that a trainer with such a model, planned or open, takes,
   besides its texts: those of the model, the moments, the batch */
size_t trainer_bytes(const struct model *model);
/* the rows to be kept, each as long as model.parameters.count; the
   numbers of a parameter go by its name, the prefix before it */
struct trainer_row { const char *prefix; struct array array; };
enum { TRAINER_ROWS = 3 };
void trainer_rows(struct trainer_row row[TRAINER_ROWS],
                  const struct trainer *t);
/* the members of a bookmark; the last has no name */
extern const struct field bookmark_fields[];
/* go on from here; EX_DATAERR if it is no place in these texts */
bool trainer_place(struct trainer *t, const struct bookmark *b,
                   struct message *m);
struct update {
    size_t step;                /* which update this was, from 1 */
    double loss;                /* nats a byte, before the update */
    double norm;                /* of the gradient, before clipping */
    double rate;
};
/* One update. If loss or gradient is not finite: status 1 and a
   message with the step, and neither weights nor bookmark move. */
bool trainer_step(struct update *u, struct trainer *t,
                  struct message *m);
/* nats a byte over so many windows of the held-out text, spread
   evenly; 0: all, and then every byte but the first counts once.
   Status 1 if that is not finite. */
bool trainer_evaluate(double *nats, struct trainer *t, size_t windows,
                      struct message *m);
/* is this the best held-out loss so far? then it is noted */
bool trainer_best(struct trainer *t, double nats);
struct judgement {
    size_t windows, next;       /* how many there are; done so far */
    size_t bytes;               /* counted so far */
    double sum;                 /* of their losses, nats */
};
struct judgement trainer_judgement(const struct trainer *t,
                                   size_t windows);
/* one batch more; false if none was left */
bool trainer_judge(struct judgement *j, struct trainer *t);
bool trainer_verdict(double *nats, const struct judgement *j,
                     const struct trainer *t, struct message *m);
/* t->losses = those of the model's last forward, byte by byte */
void trainer_losses(struct trainer *t);
/* input, target = as many of `windows` windows of the held-out text,
   spread evenly, as fit into a batch, beginning with number `from`;
   how many these are */
size_t trainer_fill(struct trainer *t, size_t from, size_t windows);
LANGUAGE_C_END
#endif
