#ifndef KERNELS_H
#define KERNELS_H
#include "boundary/cross.cuh"

/* What a kernel of a boundary moves and computes, in bf16. A token's
   row has 2 m + 1 floats, phi 4 m n C bytes, where m = 2 n + n^2. */
struct kernel {
    const char *name;
    double units;   /* walks over [T][C] numbers of two bytes */
    double row;     /* bytes a token: of rows, roots */
    double phi;     /* walks over phi, or as many floats */
    double fixed;   /* other bytes */
    double cached;  /* bytes a token and channel, second cache only */
    double work;    /* operations a token and channel, in floats, */
    double tensor;  /* and on tensor cores, in TF32 */
};
/* RESIDUAL: fused; RESIDUAL_APART, APART, AT_ONCE: what there is */
enum scheme { RESIDUAL, RESIDUAL_APART, APART, AT_ONCE
              , EIGHT };
enum { MOST_KERNELS = 12 };
struct size { size_t streams, tokens, width; };

/* forward, or back (AT_ONCE: by that way); how many there are */
size_t boundary_kernels(struct kernel k[MOST_KERNELS],
                        enum scheme scheme, bool back,
                        const struct size *s, struct way_back way);
double kernel_bytes(const struct kernel *k, const struct size *s);
#endif
