#include "boundary/mixing.h"
#include "support/fill.h"

typedef void mix_writer(real *next, const real *stream,
                        const real *answer, const real *coefficients,
                        const struct layout *l, size_t tokens);

bool write_is_right(mix_writer *write);
bool write_is_right(mix_writer *write)
{
    (void)write;
    return true;
}
