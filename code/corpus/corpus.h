#ifndef CORPUS_H
#define CORPUS_H
#include "ground/message.h"
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Some bytes that somebody else owns. */
struct text { const unsigned char *byte; size_t size; };

/* What to learn from and what to be judged by. */
struct corpus {
    struct text training, held_out;
    void *memory[2];            /* the files that they lie in */
};

// Functions of the corpus
/* held_out NULL: the last tenth of `data`. Each text must hold one
   window, context + 1 bytes. A message names the file and the reason:
   EX_NOINPUT, EX_IOERR or, empty or too short, EX_DATAERR. */
bool corpus_open(struct corpus *c, const char *data,
                 const char *held_out, size_t context,
                 struct message *m);
void corpus_close(struct corpus *c);
/* the whole of a regular file, which is not empty; memory_free it */
bool corpus_read(unsigned char **byte, size_t *size, const char *file,
                 struct message *m);
/* size bytes from an open file, in as many pieces as they come */
bool corpus_read_fully(unsigned char *to, size_t size, int descriptor,
                       const char *file, struct message *m);
/* FNV-1a, 64 bits: tells one text from another */
uint64_t text_fingerprint(struct text t);
LANGUAGE_C_END
#endif
