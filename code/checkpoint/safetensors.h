#ifndef SAFETENSORS_H
#define SAFETENSORS_H
#include "device/device.h"
#include "ground/message.h"
#include "ground/real.h"

enum { TENSOR_RANK = 8 };       /* dimensions, at most */

// Writing tensors
enum { TENSOR_NAME = 96, TENSOR_TEXT = 64 };    /* with the NUL */
struct tensor {
    char name[TENSOR_NAME];
    size_t rank, shape[TENSOR_RANK];
    const real *data;
    struct device *device;          /* NULL: data is on the host; else a
                                       MASTER array of this device */
    // More of a tensor that is written
    const unsigned char *code;      /* in place of data; or NULL */
    const char *code_type;          /* "F8_E4M3" or "F8_E5M2" */
};
struct text_pair { const char *key; char text[TENSOR_TEXT]; };

/* Replaces `path` by a file with these tensors, whole or not at all
   (see durable.h), with a checksum. Names and keys differ from each
   other, all texts are UTF-8: else EX_SOFTWARE. */
bool safetensors_write(const char *path,
                       const struct tensor *list, size_t used,
                       const struct text_pair *metadata, size_t pairs,
                       struct message *m);

// Reading tensors
struct entry {
    const char *name;
    const struct number_type *type;
    size_t rank, shape[TENSOR_RANK];
    size_t begin, end;          /* bytes, from the start of the data */
};
struct number_type {
    const char *name;           /* "F32" */
    size_t bytes;
    double (*number)(const unsigned char *bytes);   /* or NULL */
};
struct json_t;
struct safetensors {
    const char *file;           /* its name, for messages */
    int handle;                 /* of a file that is open */
    bool open;
    unsigned char *image;       /* its beginning, with the header */
    size_t size, start, bytes;  /* of the file; data: where, how many */
    struct entry *list;
    size_t used;
    struct json_t *header;
    bool verified;              /* it has a checksum, which is right */
};
/* After a failure there is nothing to close. */
bool safetensors_open(struct safetensors *s, const char *path,
                      struct message *m);
void safetensors_close(struct safetensors *s);

const struct entry *safetensors_find(const struct safetensors *s,
                                     const char *name);  /* or NULL */
/* Key number i of the metadata, or NULL. */
const char *safetensors_key(const struct safetensors *s, size_t i);
/* The text of the metadata under this key, or NULL. */
const char *safetensors_text(const struct safetensors *s,
                             const char *key);
/* Like find; NULL and EX_DATAERR also if it has another shape. */
const struct entry *safetensors_entry(const struct safetensors *s,
                                      const char *name, size_t rank,
                                      const size_t *shape,
                                      struct message *m);
/* So many bytes of the data, from this one on. */
bool safetensors_bytes(void *to, const struct safetensors *s,
                       size_t from, size_t count, struct message *m);
/* So many numbers of a tensor, from this one on, as real. */
bool safetensors_numbers(real *to, const struct safetensors *s,
                         const struct entry *e, size_t from,
                         size_t count, struct message *m);

/* For the parts of the reader: "FILE: tensor NAME: ...", EX_DATAERR.
   Without a name: "FILE: ...". Returns false. */
bool refuse(const struct safetensors *s, const char *name,
            struct message *m, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Puts ? in place of all that is not a printable character. */
void printable(char *text);
/* Do the entries, in order of their bytes, tile the data? */
bool safetensors_check(const struct safetensors *s,
                       struct message *m);
#endif
