#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H
#include <stdio.h>
#include "check/trials.h"
#include "checkpoint/safetensors.h"
#include "reference/reference.h"

// The names in a check file
/* shape: T tokens, n streams, C width, N = n C, K = n (n + 2) */
struct check_name {
    const char *name, *shape, *what;
    const char *traced;         /* its name in a trace; NULL: that of
                                   the site, and its own */
};
extern const struct check_name check_names[ITEMS];
enum { NOTICES = 600 };
/* The numbers of a check file. NULL: not given. */
struct check_file {
    struct boundary hers;
    const struct number_type *type[ITEMS];
    struct settings settings;   /* from the metadata */
    char notices[NOTICES];      /* lines about what is odd in it */
    // More of a check file
    char precision[TENSOR_TEXT + 1];    /* that of a trace, as it says */
    double scale[ITEMS];        /* the largest of what is not zero, of
                                   eight bits; else 0 */
    bool odd[ITEMS];            /* some are no powers of two */
};
/* numbers of a tensor of the boundary's sizes */
size_t check_size(const struct boundary *b, enum item role);
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
    enum item role;
    char name[16];
    size_t first, count;
    // More of a part
    /* of a rounding when it is stored, and when next was, if this is exit:
       relative, and at least */
    struct { double u, step; } own, next;
    bool mean;      /* of streams is apart, and the rest in eight bits */
};
struct verdict {
    bool given[PARTS];
    double scale[PARTS];        /* root mean square of the reference */
    double error[PARTS], tolerance[PARTS];      /* absolute, largest */
    double still[PARTS];        /* no more is no change, but rounding */
    size_t agree, of;
};
struct view {
    struct boundary hers, right[2];     /* the paper's, the released */
    struct part part[PARTS];
    struct verdict verdict[2];
    double *memory[3];          /* of hers, if they are copies; right */
};

// A check
/* u: unit roundoff; least: what smaller numbers may become zero */
struct precision {
    const char *name;
    double u, least;
    // More of a precision
    double smallest, most;      /* numbers of eight bits; else 0 */
};
enum { EXPLANATION = 4 };
struct check {
    struct check_file file;
    const struct precision *between;    /* of what is in no file */
    // More of a check
    const struct precision *kept;   /* of all that is wide, if eight bits */
    /* how roughly we know gradients that are given */
    struct { double u, step; } given[ITEMS];
    enum { EITHER, ONLY_PAPER, ONLY_RELEASED } only;    /* convention */
    struct view whole, few;
    const struct view *view;    /* which of them is searched */
    struct message *message;    /* the first failure */
    size_t best;                /* the convention that agrees more */
    bool alias;                 /* all agree with the other one, if
                                   h_res is used transposed there */
    struct trial trial[TRIALS];
    size_t trials;
    // What explains the file
    bool found_released;
    struct trial found[EXPLANATION];
    size_t founds;
    struct trial rivals[TRIALS];    /* as good as found[0] alone */
    size_t rival_count;
    double least, most;             /* so are these values of its number */
    struct verdict explained;       /* with them made */
    const char *rough;      /* explained by calculating in this type */
    // How far a check is
    /* NULL, or called after each of so many jobs */
    void (*progress)(size_t done, size_t jobs);
    size_t done, jobs;
};

// Functions of a check
/* precision: "f32", ...; NULL: by the file */
bool check_run(struct check *c, const char *precision,
               struct message *m);
void check_print(FILE *out, const struct check *c);
void check_print_names(FILE *out);
/* Multiplies eight bits by their scales, x having so many columns that
   were rows; else 1. Other types have none. */
bool check_scale(struct check_file *f, enum item role,
                 const struct safetensors *s, const struct entry *e,
                 size_t columns, struct message *m);
/* has this tensor the scales of another one? */
bool check_is_scale(const struct safetensors *s, const char *name);
#endif
