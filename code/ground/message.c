#include "ground/message.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

bool fail(struct message *m, int status, const char *format, ...)
{
    assert(status != 0);
    if (m->status != 0)
        return false;
    m->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(m->text, sizeof m->text, format, arguments);
    va_end(arguments);
    return false;
}
