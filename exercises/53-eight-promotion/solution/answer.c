#include "support/tensor_core.h"

float promoted_sum(const float *ab, size_t count);

float promoted_sum(const float *ab, size_t count)
{
    float total = 0, part = 0;
    for (size_t i = 0; i < count; i += AT_ONCE) {
        size_t rest = count - i;
        part = add_cut(part, ab + i, rest < AT_ONCE ? rest : AT_ONCE);
        if ((i / AT_ONCE + 1) % 4 == 0) {
            total += part;
            part = 0;
        }
    }
    return total + part;
}
