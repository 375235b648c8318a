#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H
#include <stdio.h>
#include "checkpoint/safetensors.h"
#include "reference/reference.h"

// The names in a check file
/* shape: T tokens, n streams, C width, N = n C, K = n (n + 2) */
struct check_name {
    const char *name, *shape, *what;
    const char *traced;         /* its name in a trace, %l: sublayer,
                                   %m: the one after it */
};
extern const struct check_name check_names[ROLES];
/* The numbers of a check file. NULL: not given. */
struct check_file {
    struct boundary hers;
    const struct number_type *type[ROLES];
    struct rules rules;         /* from the metadata; no mistakes */
    double *memory;
};
/* EX_DATAERR and one line for what cannot be checked. site: that of a
   trace, or SIZE_MAX */
bool check_open(struct check_file *f, const char *path, size_t site,
                struct message *m);
bool check_read(struct check_file *f, const struct safetensors *s,
                size_t site, struct message *m);
void check_close(struct check_file *f);

// What is compared
enum { PARTS = 17 };
/* a range of a tensor; "dphi.pre" is the first n rows of dphi */
struct part {
    enum role role;
    char name[16];
    size_t first, count;
};
struct verdict {
    bool given[PARTS];
    double scale[PARTS];        /* root mean square of the reference */
    double error[PARTS], tolerance[PARTS];      /* absolute, largest */
    size_t agree, of;
};

// A check
enum { EXPLANATION = 3, SAYINGS = 64 };
struct check {
    struct check_file file;
    double between;             /* roundoff of what is in no file */
    enum { EITHER, ONLY_PAPER, ONLY_RELEASED } only;    /* convention */
    struct part part[PARTS];
    struct verdict verdict[2];  /* by the paper, and as released */
    size_t best;                /* which of them agrees more */
    bool alias;                 /* so does the other one, transposed */
    struct trial {              /* a mistake, made or not */
        const char *saying, *where;
        uint32_t forward, backward;
        bool blind;             /* it would not show in this file */
    } trial[SAYINGS];
    size_t trials;
    // What explains the file
    bool found_released;
    size_t found[EXPLANATION], founds;      /* indices of trials */
    size_t rivals[SAYINGS], rival_count;    /* as good as found[0] */
    struct verdict explained;               /* with them made */
    const char *rough;      /* explained by calculating in this type */
};

// Functions of a check
/* precision: "f32", ...; NULL: by the file */
bool check_run(struct check *c, const char *precision,
               struct message *m);
void check_print(FILE *out, const struct check *c);
void check_print_names(FILE *out);
#endif
