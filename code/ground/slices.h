#ifndef SLICES_H
#define SLICES_H
#include <assert.h>
#include <stddef.h>
/* 0 .. count-1 cut into `slices` runs whose bounds depend on these
   two numbers alone, never on the number of threads. */
#define SLICES 64           /* more than the threads we expect */
struct slice { size_t begin, end; };

// The bounds of a slice
static inline struct slice slice_of(size_t index, size_t slices,
                                    size_t count)
{
    assert(index < slices);
    size_t share = count / slices, longer = count % slices;
    size_t begin = index * share + (index < longer ? index : longer);
    return (struct slice){ begin, begin + share + (index < longer) };
}
#endif
