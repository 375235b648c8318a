#ifndef REFERENCE_H
#define REFERENCE_H
#include <stdint.h>
#include "ground/message.h"
#include <stddef.h>

// What there is at a boundary
enum role {
    STREAMS, PHI, ALPHA, BIAS, ANSWER, DNEXT, DINPUT,       /* given */
    H_PRE, H_POST, H_RES, INPUT, NEXT, EXIT,                /* made */
    DSTREAMS, DPHI, DALPHA, DBIAS, DANSWER, ROLES
};
enum { REFERENCE_STREAMS = 8, REFERENCE_OUTPUTS = 80,
       REFERENCE_ITERATIONS = 100 };

/* T tokens, n streams, C width; K = n (n + 2) rows of phi */
struct boundary {
    size_t tokens, streams, width;
    double *at[ROLES];          /* NULL: absent */
};

// What can be wrong
#define MISTAKE(name) (UINT32_C(1) << (name))
enum mistake {
    NO_FACTOR, OTHER_ORDER, TRANSPOSED, STORED_TRANSPOSED, BY_COLUMNS,
    NORM_PER_STREAM, NO_NORM, NO_ALPHA, TANH, FIRST_TOKEN, NO_MIX,
    EXCHANGED, HALF_THE_STEPS, EXIT_OTHER, EXIT_FIRST,
    /* backward only */
    SINKHORN_CUT, STRAIGHT_THROUGH, EXPONENTIAL_ONLY, LAST_STEP_ONLY,
    NORM_CUT, PATH_CUT, NOT_TRANSPOSED_BACK, ALPHA_FORGOTTEN, MISTAKES
};

// The rules of a reference
struct rules {
    bool released;              /* DeepSeek-V4's, not the paper's */
    size_t iterations;          /* of Sinkhorn-Knopp */
    double norm_epsilon, sinkhorn_epsilon;
    uint32_t forward, backward; /* mistakes made there, see mistake */
    const struct roughness *rough;      /* NULL: none */
};
/* Relative errors to make on purpose: when a tensor is stored, and
   in all that lies between. */
struct roughness {
    double at[ROLES], between;
    uint64_t seed;
};

/* Fills what is not NULL of H_PRE and the following from what is given;
   a logit that is not finite: EX_DATAERR. The made ones need STREAMS,
   PHI, ALPHA, BIAS; NEXT and EXIT need ANSWER too; the gradients need
   all that is given. */
bool reference_run(struct boundary *b, const struct rules *r,
                   struct message *m);
#endif
