#ifndef CONFINE_H
#define CONFINE_H
#include <stdbool.h>
/* exit statuses of a child: it could not be confined; a sanitizer's */
enum { UNCONFINED = 85, SANITIZED = 86 };
/* Gives this process up to an answer: it keeps the descriptors line and
   said (as its output), and may compute for some seconds. If closed,
   it cannot even read a file. */
void confine(int line, int said, double seconds, bool closed);
/* Takes the answer's code out of the judge's reach, or back into it. */
void hide_answer(bool hidden);
#endif
