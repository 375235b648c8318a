#ifndef CHECKER_H
#define CHECKER_H
#include <stddef.h>

namespace emulator {
struct thread;
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
    void (*ordered)(void);                  /* the order counts from now */
    void (*made)(const void *barrier);
    void (*arrived)(const void *barrier);
    void (*turned)(const void *barrier);
    void (*waited)(const void *barrier);
    /* which have now the same epoch */
    void (*met)(struct thread *const *who, unsigned count);
    void (*fenced)(void);
    void (*tile)(const void *to, size_t bytes, const void *barrier,
                 const void *place);
    void (*operand)(const void *at, size_t bytes, const void *place,
                    bool waited);
    void (*goes_on)(unsigned rank);
    void (*block_ends)(struct thread *threads, unsigned count,
                       char *dynamic);
    void (*thread_fenced)(void);
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
