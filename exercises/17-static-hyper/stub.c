#include "boundary/mixing.h"

// The heads of reading and writing
void mixing_read(real *input, const real *stream,
                 const real *coefficients, const struct layout *l,
                 size_t tokens)
{
    (void)input; (void)stream; (void)coefficients; (void)l;
    (void)tokens;
}

void mixing_read_backward(real *dstream, real *dcoefficients,
                          const real *dinput, const real *stream,
                          const real *coefficients,
                          const struct layout *l, size_t tokens)
{
    (void)dstream; (void)dcoefficients; (void)dinput; (void)stream;
    (void)coefficients; (void)l; (void)tokens;
}

void mixing_write(real *next, const real *stream, const real *answer,
                  const real *coefficients, const struct layout *l,
                  size_t tokens)
{
    (void)next; (void)stream; (void)answer; (void)coefficients;
    (void)l; (void)tokens;
}

void mixing_write_backward(real *dstream, real *danswer,
                           real *dcoefficients, const real *dnext,
                           const real *stream, const real *answer,
                           const real *coefficients,
                           const struct layout *l, size_t tokens)
{
    (void)dstream; (void)danswer; (void)dcoefficients; (void)dnext;
    (void)stream; (void)answer; (void)coefficients; (void)l;
    (void)tokens;
}
