#ifndef IMAGE_H
#define IMAGE_H
#include <stddef.h>
#include "ground/message.h"
#include "ground/real.h"
/* A safetensors file in memory: ' in the header stands for "; `data`
   bytes 0, 1, 2, ... follow it. Good until the next call. */
struct image { unsigned char *bytes; size_t size; };
struct image image_of(const char *header, size_t data);
/* Opens it as the file x.st. */
struct safetensors;
bool image_open(struct safetensors *s, struct image image,
                struct message *m);
/* All the numbers of the tensor of this name and shape. */
bool tensor_copy(real *to, const struct safetensors *s,
                 const char *name, size_t rank, const size_t *shape,
                 struct message *m);
/* Puts in the right checksum, if there is a place for one. */
void image_repair(struct image image);
/* A folder of one's own below TMPDIR, whose files are not flushed to
   the disk; and the path of a file in it. */
void folder_make(void);
void folder_remove(void);
const char *folder_file(const char *name);
bool file_there(const char *path);
/* How many partial files are in it. */
size_t partials_there(void);
#endif
