// What a kernel walks over
#include <stddef.h>

enum of { STREAMS, VECTOR, ROW, PHI };
struct walk { enum of of; size_t many; };

double units_moved(const struct walk *walk, size_t walks, size_t n,
                   size_t tokens, size_t width)
{
    double m = (double)(2 * n + n * n), row = 4 * (2 * m + 1);
    double vector = 2 * (double)(tokens * width), bytes = 0;
    for (size_t i = 0; i < walks; i++) {
        double many = (double)walk[i].many, piece = 4 * many + 28;
        bytes += walk[i].of == STREAMS ? many * (double)n * vector
               : walk[i].of == VECTOR ? many * vector
               : walk[i].of == PHI
               ? many * 4 * m * (double)(n * width)
               : (double)tokens * (piece < row ? piece : row);
    }
    return bytes / vector;
}
