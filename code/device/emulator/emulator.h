#ifndef EMULATOR_H
#define EMULATOR_H
#include <cuda_runtime.h>
#include <vector>
#include "checker.h"

namespace emulator {
enum { DYNAMIC_ROOM = 256 << 10,       /* bytes; a block has 227 KB */
       MOST_BLOCKS = 8 };               /* of a cluster */
extern unsigned cluster, rank;          /* its blocks; which runs */
extern bool ordered;    /* epochs order visits, not barriers alone */
enum order { FORWARD, REVERSE, RANDOM };
extern enum order order;
unsigned random_below(unsigned n);
void configure_order(void);
void run_grid(const struct shape &s, const void *kernel,
              void (*what)(void *), const void *given, size_t bytes);
void *reserve(size_t bytes, int access);

/* the program's symbols and lines */
struct variable { char *at; size_t bytes; const char *name; };
const std::vector<struct variable> &static_shared(void);
const char *name_of(const void *function);
const char *plain_name(const char *mangled);    /* until called again */
const char *place_of(const void *instruction);  /* valid until called
                                                   twice again */
const char *base(const char *file);
extern const void *running;             /* the kernel */
void tell_thread(void);                 /* of an error, on stderr */
// How the rest of the emulator waits
/* called on a fiber: until is(argument), which others look at too */
void wait_until(bool (*is)(void *), void *argument,
                const char *operation, const char *file, int line);
void keep_order(void);          /* from now on, ordered */
bool land(void);                /* a tile of this block, if any */
void nothing_is_left(unsigned threads); /* under way, of this block */
void own_access(const void *at, bool write, const void *place);
void configure_sums(void);
}
#endif
