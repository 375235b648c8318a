#ifndef EIGHT_H
#define EIGHT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a device does in eight bits */
struct eight {
    bool products;              /* of images in E4M3: layers/image.h */
    size_t stored, saturated;   /* numbers; those that were infinite */
    // More of eight bits
    bool looked_at;             /* operands stay numbers */
    bool apart;                 /* their images are a kernel's of its own */
    bool by_chance;             /* are streams rounded so? */
    uint64_t seed;              /* of the random numbers */
    uint32_t step;              /* of the update; 0: none */
    uint32_t tokens;            /* of it before these */
    // More of streams in eight bits
    bool mean;          /* of streams is in bf16, and the rest here, */
    size_t streams;     /* if there are so many */
};
#endif
