#ifndef NARROW_H
#define NARROW_H
#include "array/array.h"
#include "ground/bf16.h"
// Headers of narrow arrays
#include "array/rows.h"

/* `count` numbers of `from`, from number `first` on */
static inline void widen(real *to, struct array from, size_t first,
                         size_t count)
{
    // Widen whole rows, in some formats
    if (from.format == E4M3) {
        rows_load(to, from, first / from.columns, count / from.columns);
        return;
    }
    if (from.format == BF16)
        bf16_load(to, (const bf16 *)from.at + first, count);
    else
        memcpy(to, reals(from) + first, count * sizeof *to);
}

static inline void narrow(struct array to, size_t first,
                          const real *from, size_t count)
{
    // Narrow whole rows, in some formats
    if (to.format == E4M3) {
        rows_store(to, first / to.columns, from, count / to.columns);
        return;
    }
    if (to.format == BF16)
        bf16_store((bf16 *)to.at + first, from, count);
    else
        memcpy(reals(to) + first, from, count * sizeof *from);
}

/* keeps numbers, and leaves them as they are kept */
static inline void keep(struct array to, size_t first, real *x,
                        size_t count)
{
    narrow(to, first, x, count);
    widen(x, to, first, count);
}

/* as keep would leave them */
static inline void settle(real *x, struct array as, size_t first,
                          size_t count)
{
    // Settle whole rows, in some formats
    if (as.format == E4M3)
        rows_settle(x, as, first / as.columns, count / as.columns);
    (void)first;
    if (as.format == BF16)
        bf16_settle(x, count);
}
#endif
