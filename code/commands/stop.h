#ifndef STOP_H
#define STOP_H
/* From now on the first signal that asks the program to go is noted
   only. A later one, unless it comes within a second or just says that
   nobody listens, ends the program at once. */
void stop_listen(void);
/* the signal that came; 0: none */
int stop_asked(void);
#endif
