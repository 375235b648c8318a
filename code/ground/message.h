#ifndef MESSAGE_H
#define MESSAGE_H
#include <stdbool.h>
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* What went wrong, for people; and the exit status (sysexits.h). */
struct message {
    int status;             /* 0 as long as all is well */
    char text[512];
};
/* Records the first failure and returns false. */
bool fail(struct message *m, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
LANGUAGE_C_END
#endif
