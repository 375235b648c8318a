#ifndef REFERENCE_H
#define REFERENCE_H
#include <stdint.h>
#include "ground/message.h"
#include <stddef.h>

// What there is at a boundary
enum item {
    STREAMS, PHI, ALPHA, BIAS, ANSWER, DNEXT, DINPUT,       /* given */
    H_PRE, H_POST, H_RES, INPUT, NEXT, EXIT,                /* made */
    DSTREAMS, DPHI, DALPHA, DBIAS, DANSWER, ITEMS
};
enum { REFERENCE_STREAMS = 8, REFERENCE_OUTPUTS = 80,
       REFERENCE_ITERATIONS = 100 };

/* T tokens, n streams, C width; K = n (n + 2) rows of phi */
struct boundary {
    size_t tokens, streams, width;
    double *at[ITEMS];          /* NULL: absent */
};

// What can be wrong
#define MISTAKE(name) (UINT64_C(1) << (name))
enum mistake {
    NO_FACTOR, OTHER_ORDER, TRANSPOSED, STORED_TRANSPOSED, BY_COLUMNS,
    NORM_PER_STREAM, NO_NORM, NORM_OUTSIDE, TANH, FIRST_TOKEN, NO_MIX,
    MIX_DROPPED, SOFTMAX_PRE, SOFTMAX_POST, SIGMOID_START,
    SOFTMAX_START, ROW_MAXIMUM, ALPHA_STAYS,
    NO_ALPHA,                   /* of pre; then of post, of res */
    NO_BIAS = NO_ALPHA + 3,     /* so, too */
    EXIT_OTHER = NO_BIAS + 3, EXIT_FIRST,
    /* backward only */
    SINKHORN_CUT, STRAIGHT_THROUGH, EXPONENTIAL_ONLY, LAST_STEP_ONLY,
    NORM_CUT, PATH_CUT, READ_CUT, MIX_CUT, NOT_TRANSPOSED_BACK,
    ALPHA_FORGOTTEN, POST_FORGOTTEN, FIRST_GATHERED, MAXIMUM_CUT,
    MISTAKES
};

// The rules of a reference
enum number { HALF_STEPS, NORM_EPSILON_AT, PRE_EPSILON, POST_EPSILON,
              START_EPSILON, DIVISOR_EPSILON, ORDER, NUMBERS };
struct way {
    uint64_t wrong;             /* mistakes, see mistake */
    double number[NUMBERS];
};
struct rules {
    bool released;              /* DeepSeek-V4's, not the paper's */
    struct way forward, backward;
    const struct roughness *rough;      /* NULL: none */
    /* its DPHI, DALPHA, DBIAS get the squares of the sizes of their
       terms, added up; NULL: not wanted */
    const struct boundary *sizes;
};
/* what a file says of itself */
struct settings {
    size_t iterations;          /* of Sinkhorn-Knopp */
    double norm_epsilon, sinkhorn_epsilon;
};
/* the rules of a convention, without a mistake */
struct rules reference_rules(const struct settings *s, bool released);
/* the groups in which the K coefficients lie, 0 pre, 1 post, 2 res */
enum { ORDERS = 6 };
extern const unsigned char reference_orders[ORDERS][3];
/* Relative errors to make on purpose: when a tensor is stored, and
   in all that lies between. */
struct roughness {
    double at[ITEMS], between;
    double least[ITEMS], least_between;         /* absolute errors */
    uint64_t seed;
};

/* Can it be made? All needs STREAMS, PHI, ALPHA, BIAS; NEXT and EXIT
   need ANSWER too; the gradients need all that is given. */
bool reference_makes(const struct boundary *b, enum item role);
/* Fills what is not NULL of H_PRE and the following from what is given;
   a logit that is not finite: EX_DATAERR. */
bool reference_run(struct boundary *b, const struct rules *r,
                   struct message *m);
#endif
