/* expect: without what else its sectors have */
// What a kernel walks over
#include <stddef.h>

enum of { STREAMS, VECTOR, ROW, PHI };
struct walk { enum of of; size_t many; };
#define PIECE (4 * many)
// Count units by what is defined
#ifndef PIECE
#define PIECE (4 * many + 28 < row ? 4 * many + 28 : row)
#endif
#ifndef EACH
#define EACH n
#endif
#ifndef PHI_BYTES
#define PHI_BYTES 4
#endif
#ifndef UNIT
#define UNIT 2
#endif

double units_moved(const struct walk *walk, size_t walks, size_t n,
                   size_t tokens, size_t width)
{
    double m = (double)(2 * n + n * n), row = 4 * (2 * m + 1);
    double vector = (double)(tokens * width), bytes = 0;
    for (size_t i = 0; i < walks; i++) {
        double many = (double)walk[i].many;
        bytes += walk[i].of == STREAMS
               ? 2 * many * (double)(EACH) * vector
               : walk[i].of == VECTOR ? 2 * many * vector
               : walk[i].of == PHI
               ? PHI_BYTES * many * m * (double)(n * width)
               : row > 0 ? (double)tokens * PIECE : 0;
    }
    return bytes / (UNIT * vector);
}
