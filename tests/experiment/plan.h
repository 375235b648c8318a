#ifndef PLAN_H
#define PLAN_H
#include "model/configuration.h"

/* One run: an arm of the experiment with one of its seeds. */
struct planned {
    char arm[32], precision[32];    /* "": single */
    struct configuration configuration;
};
struct plan {
    struct planned *run;
    size_t runs;
};
/* A table with the columns arm and seeds ("1-8") and, if need be,
   precision; every other column is a field of the configuration, in
   place of what `shared` says. The
   first seed of every arm comes first, then the second ones. EX_DATAERR
   with the row. */
bool plan_read(struct plan *p, const char *file,
               const struct configuration *shared, struct message *m);
void plan_free(struct plan *p);
#endif
