#ifndef CONFINE_H
#define CONFINE_H
#include <stdbool.h>
/* exit statuses of a child: it could not be confined; a sanitizer's */
enum { UNCONFINED = 85, SANITIZED = 86 };
/* Gives this process up to an answer: it keeps the descriptors line and
   said (as its output), and may compute for some seconds. If closed,
   it cannot even read a file. */
void confine(int line, int said, double seconds, bool closed);
/* In the judge, the answer's code is out of reach; in the child, the
   check's own. */
void hide_answer(void);
void hide_check(void);
bool in_answer(const void *address);
#endif
