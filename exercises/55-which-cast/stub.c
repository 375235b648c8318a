#include "support/casts.h"

size_t first_cast(const struct cast *cast, size_t count);

size_t first_cast(const struct cast *cast, size_t count)
{
    (void)cast, (void)count;
    return 0;
}
