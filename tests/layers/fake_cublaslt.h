#ifndef FAKE_CUBLASLT_H
#define FAKE_CUBLASLT_H
#include "ground/language.h"

LANGUAGE_C_BEGIN
/* what was made and not given back; questions, products so far */
extern struct fake_cublaslt { int alive, asked, products; }
    fake_cublaslt;
/* for a K of so many there is no algorithm */
enum { FAKE_REFUSES = 24 };
LANGUAGE_C_END
#endif
