#ifndef PAST_H
#define PAST_H
#include "ground/language.h"
#include <stddef.h>

enum { PAST = 7 };          /* most writes from a stream that is kept */

LANGUAGE_C_BEGIN
/* What makes a site's stream again: the last one that was kept, and
   the answers and rows of the sites from there on, in the formats in
   which a device keeps them. */
struct past {
    const void *start;                  /* [T][n][C] */
    const void *answer[PAST];           /* [T][C] */
    const void *row[PAST];              /* [T][K] */
    int writes;
};
struct site;
struct past past_of(const struct site *s);
/* the last site whose stream is to be written again to go back from
   `to` to `from`; none is, if it has no `behind` */
const struct site *last_again(const struct site *from,
                              const struct site *to);
LANGUAGE_C_END
#endif
