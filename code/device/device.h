#ifndef DEVICE_H
#define DEVICE_H
#include "ground/message.h"
#include "ground/real.h"
// Headers of a device's interfaces
#include "layers/attention.h"
#include "layers/embedding.h"
#include "layers/feedforward.h"
#include "layers/loss.h"
#include "layers/matmul.h"
#include "layers/norm.h"
#include "boundary/streams.h"
#include "layers/optimizer.h"
#include "boundary/mixing.h"

/* How an array is kept. EXACT, as the host keeps a real: parameters and
   their gradients, inverse_rms, lse, coefficients, logits, each,
   scratch.
   ROUNDED, perhaps in a narrower format: every other activation and its
   gradient. */
enum storage { EXACT, ROUNDED, STORAGES };

/* Addresses that a device allocates are opaque: only its own functions
   look through them. Their arithmetic is device_at. */
struct device {
    const char *name;
    // What it takes to hold numbers
    size_t bytes[STORAGES];             /* that one number takes */
    real *(*allocate)(size_t count, enum storage, struct message *);
    void (*release)(real *);            /* allocate: zeroed; or NULL */
    /* when these return, the host's side is done with */
    void (*upload)(real *device, const real *host, size_t count,
                   enum storage);
    void (*download)(real *host, const real *device, size_t count,
                     enum storage);
    void (*zero)(real *, size_t count, enum storage);
    void (*copy)(real *to, const real *from, size_t count, enum storage);
    token *(*allocate_tokens)(size_t count, struct message *);
    void (*release_tokens)(token *);
    void (*upload_tokens)(token *device, const token *host, size_t count);
    void (*synchronize)(void);  /* returns when all work is done */
    /* Would `bytes` of arrays fit now? And what the operations need
       besides is taken. Else EX_OSERR. */
    bool (*ready)(size_t bytes, struct message *);
    // Interfaces of a device
    struct embedding embedding;
    struct matmul matmul;               /* x, y, dx, dy ROUNDED */
    struct matmul matmul_exact;         /* y, dy EXACT; x, dx ROUNDED */
    struct norm norm;
    struct attention attention;
    struct feedforward feedforward;
    struct loss loss;
    struct streams streams;
    struct optimizer optimizer;
    struct mixing mixing;
};

extern const struct device cpu;

// The address of an element
static inline real *device_at(const struct device *d, const real *base,
                              size_t index, enum storage storage)
{
    return (real *)((uintptr_t)base + index * d->bytes[storage]);
}
#endif
