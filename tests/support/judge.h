#ifndef JUDGE_H
#define JUDGE_H
#include "ground/real.h"
LANGUAGE_C_BEGIN
/* What lab_begin does for the calls of a check. A line of standard
   input salts the numbers: of the environment, libraries keep copies.
   LAB_SECONDS is how long all calls may take, LAB_CLOSED=1 lets an
   answer read no files. */
void judge_begin(void);
/* For answers that run in an emulator, whose reports begin with `says`:
   the child ends by exit, so that the emulator has the last word; the
   first report that it prints is the reason, if it then leaves with
   SANITIZED. */
void judge_emulated(const char *says);
/* in which order an emulator runs the answer; "": there is none */
extern char judge_order[32];
LANGUAGE_C_END
#endif
