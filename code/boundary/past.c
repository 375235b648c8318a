#include "boundary/boundary.h"

struct past past_of(const struct site *s)
{
    struct past p = { .writes = 0 };
    const struct site *at = s;
    while (at->behind != NULL) {
        at = at->behind;
        p.writes++;
    }
    p.start = at->lens != NULL ? at->lens->stream.at : at->stream.at;
    at = s;
    for (int k = p.writes; k-- > 0; ) {
        at = at->behind;
        p.answer[k] = at->answer.at;
        p.row[k] = at->coefficients.at;
    }
    return p;
}

const struct site *last_again(const struct site *from,
                              const struct site *to)
{
    return to->behind != NULL || from == NULL ? to : from;
}
