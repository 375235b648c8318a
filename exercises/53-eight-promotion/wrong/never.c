/* expect: never promoted */
#define EVERY (count + 1)
// A promoted sum
#include "support/tensor_core.h"
#ifndef EVERY
#define EVERY 4
#endif
#ifndef AGAIN
#define AGAIN 0
#endif
#ifndef LAST
#define LAST total + part
#endif

float promoted_sum(const float *ab, size_t count);

float promoted_sum(const float *ab, size_t count)
{
    float total = 0, part = 0;
    for (size_t i = 0; i < count; i += AT_ONCE) {
        size_t rest = count - i;
        size_t some = rest < AT_ONCE ? rest : AT_ONCE;
        part = add_cut(part, ab + i, some);
        if ((i / AT_ONCE + 1) % EVERY == 0) {
            total += part;
            part = AGAIN;
        }
    }
    return LAST;
}
