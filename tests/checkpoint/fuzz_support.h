#ifndef FUZZ_SUPPORT_H
#define FUZZ_SUPPORT_H
#include "checkpoint/image.h"
/* What the fuzzer calls, with everything that comes to its mind. */
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);
/* Writes good files to begin with. Each fuzzer has its own. */
void fuzz_seeds(const char *folder);
void fuzz_seed(const char *folder, const char *name, const void *bytes,
               size_t size);
/* Ends the program if a promise was broken. */
void fuzz_demand(bool holds);
/* A copy with the right checksum; then with the right length of the
   header, too: false if it was that before. */
struct image fuzz_image(const unsigned char *bytes, size_t size);
bool fuzz_length_repair(struct image image);
/* A message must be one line. */
void fuzz_demand_message(const struct message *m);
#endif
