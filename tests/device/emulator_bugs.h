#ifndef EMULATOR_BUGS_H
#define EMULATOR_BUGS_H
#include "ground/language.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* what finds it: any build; the checker; AddressSanitizer; a guarded
   heap; lazy streams */
enum { ALWAYS = 1, CHECKED = 2, SANITIZED = 4, GUARDED = 8, LAZY = 16 };
struct bug {
    const char *name;
    unsigned found;             /* by one of these */
    void (*run)(bool right);
};

LANGUAGE_C_BEGIN
/* NULL where no .cu file is linked */
extern const struct bug emulator_bugs[] __attribute__((weak));
extern const size_t emulator_bug_count __attribute__((weak));
/* where a bug writes its arrays at its end; NULL: nowhere */
extern FILE *emulator_bug_results __attribute__((weak));
LANGUAGE_C_END
#endif
