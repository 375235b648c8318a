// What a kernel walks over
#include <stddef.h>

enum of { STREAMS, VECTOR, ROW, PHI };
struct walk { enum of of; size_t many; };

double units_moved(const struct walk *walk, size_t walks, size_t n,
                   size_t tokens, size_t width)
{
    (void)walk, (void)walks, (void)n, (void)tokens, (void)width;
    return 0;
}
