#ifndef JUDGE_H
#define JUDGE_H
/* What lab_begin does for the calls of a check. A line of standard
   input salts the numbers: of the environment, libraries keep copies.
   LAB_SECONDS is how long all calls may take, LAB_CLOSED=1 lets an
   answer read no files. */
void judge_begin(void);
#endif
