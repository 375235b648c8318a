#include "boundary/mixing.h"
#include "layers/norm.h"

void mixing_cross(const struct crossing *s)
{
    (void)s;
}
