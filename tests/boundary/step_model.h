#ifndef STEP_MODEL_H
#define STEP_MODEL_H
#include "boundary/kernels.h"

/* A model of a training step's time on one GPU: nothing here was
   measured on one. */
struct machine {        /* by its data sheet, a second */
    const char *name;
    double bytes, dense, floats, tensor;    /* bf16, fp32, TF32 */
    size_t shared;      /* KiB */
    int version;
};
struct attained {       /* shares of these; assumed */
    double memory, products, attention, floats, tensor;
    double cache;       /* second cache, times the memory's bytes */
    double launch;      /* seconds, the least that a kernel takes */
};
struct shape {
    size_t tokens, width;
    double layers, context, vocabulary;
    double update;      /* tokens that an update is for */
};
/* what is neither boundary nor product, counted: numbers of two bytes,
   in hidden widths and in widths; bytes of a weight */
enum { GATE_HIDDEN = 11, TURN_WIDTHS = 6, UPDATE_BYTES = 34 };
extern const struct machine machines[5];
extern const struct attained usual;
extern const struct shape usual_shape;

/* seconds */
double kernel_time(const struct kernel *k, const struct size *size,
                   const struct machine *m, const struct attained *a);
double rest_time(const struct machine *m, const struct attained *a,
                 const struct shape *s);
/* of what is launched: AT_ONCE by the way that suits the machine, and
   one kernel after the other where it has no room; more: units that a
   boundary moves besides */
double boundary_time(enum scheme scheme, size_t n, double more,
                     const struct machine *m, const struct attained *a,
                     const struct shape *s);
/* of a step with mHC over one with the residual connection, less 1 */
double overhead(enum scheme scheme, size_t n, double more,
                enum scheme residual, const struct machine *m,
                const struct attained *a, const struct shape *s);
/* which way, and is there one? */
bool goes_at_once(struct way_back *way, const struct machine *m,
                  const struct size *size);
#endif
