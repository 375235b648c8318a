#ifndef CHECKER_H
#define CHECKER_H
#include <stddef.h>

namespace emulator {
enum access { READ, WRITE, ATOMIC, COPYING, LANDING };
/* What a checker wants to hear of */
struct checker {
    void (*heap)(char *memory, size_t bytes);
    void (*allocated)(char *piece, size_t bytes, bool is);
    void (*copied)(void *to, const void *from, size_t bytes);
    void (*launched)(const void *kernel, char *dynamic, size_t bytes);
    void (*interval)(bool of_new_block);
    void (*landed)(void);               /* the grid has ended */
    void (*access)(const void *at, size_t bytes, enum access how,
                   const void *place);
    // More that a checker hears of
    
};
}
/* NULL where none is linked */
extern "C" const struct emulator::checker emulator_checker
    __attribute__((weak));

namespace emulator {
static const struct checker *const checker = &emulator_checker;
static inline void note(const void *at, size_t bytes, enum access how,
                        const void *place)
{
    if (checker != NULL)
        checker->access(at, bytes, how, place);
}
}
#endif
