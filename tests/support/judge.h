#ifndef JUDGE_H
#define JUDGE_H
/* What lab_begin does for the calls of a check. LAB_SEED salts the
   numbers, LAB_SECONDS is how long all calls may take, LAB_CLOSED=1
   lets an answer read no files. */
void judge_begin(void);
#endif
