#ifndef JUDGE_H
#define JUDGE_H
/* What lab_begin does for the calls of a check. LAB_SEED salts the
   numbers, LAB_SECONDS is how long all calls may take. */
void judge_begin(void);
#endif
