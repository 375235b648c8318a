#ifndef HASH_H
#define HASH_H
#include <stddef.h>
#include <stdint.h>
/* FNV-1a, 64 bits: begins with FNV_EMPTY, and goes on */
#define FNV_EMPTY UINT64_C(0xcbf29ce484222325)
#include "ground/language.h"

LANGUAGE_C_BEGIN
uint64_t fnv_add(uint64_t hash, const void *bytes, size_t count);
LANGUAGE_C_END
#endif
