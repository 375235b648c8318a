#ifndef KEPT_H
#define KEPT_H
#include "ground/language.h"

/* numbers of the roles STREAM, ACTIVATION, GRADIENT and WORKING. C: for
   headers that C includes. */
#ifdef SIXTEEN
// Keep sixteen bits
struct sixteen;
typedef struct sixteen kept;
#define KEPT_BEGIN namespace in_sixteen {
#define KEPT_END }
#define KEPT_C_BEGIN KEPT_BEGIN
#define KEPT_C_END KEPT_END
#else
typedef float kept;
#define KEPT_BEGIN
#define KEPT_END
#define KEPT_C_BEGIN LANGUAGE_C_BEGIN
#define KEPT_C_END LANGUAGE_C_END
#endif
#endif
