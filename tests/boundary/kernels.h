#ifndef KERNELS_H
#define KERNELS_H
#include <stddef.h>

/* What a kernel of a boundary moves and computes, in bf16. A token's
   row has 2 m + 1 floats, phi 4 m n C bytes, where m = 2 n + n^2. */
struct kernel {
    const char *name;
    double units;   /* walks over [T][C] numbers of two bytes */
    double row;     /* bytes a token: pieces of rows, roots */
    double phi;     /* walks over phi, or as many floats */
    double fixed;   /* other bytes */
    double cached;  /* bytes a token and channel, second cache only */
    double work;    /* operations a token and channel, in floats */
};
enum way { THERE, BACK };
/* RESIDUAL: fused; RESIDUAL_APART, APART, AT_ONCE: what there is;
   ONE_PASS: what nobody has */
enum scheme { RESIDUAL, RESIDUAL_APART, APART, AT_ONCE, ONE_PASS };
enum { MOST_KERNELS = 12 };

/* how many there are */
size_t boundary_kernels(struct kernel k[MOST_KERNELS],
                        enum scheme scheme, enum way way, size_t n);
double kernel_bytes(const struct kernel *k, size_t n, double tokens,
                    double width);
#endif
