#ifndef SUITE_H
#define SUITE_H
#include <check.h>
/* Check's registration, with a filter in between: tests include this
   header in place of check.h and use Check as always. */
Suite *filtered_suite(const char *name);
TCase *filtered_case(const char *name);
void filtered_test(TCase *c, const TTest *test, int signal, int status,
                   int from, int to);

#define suite_create filtered_suite
#define tcase_create filtered_case
#define _tcase_add_test filtered_test
#undef fail
#endif
