#ifndef CHUNKS_H
#define CHUNKS_H
#include "boundary/boundary.h"

LANGUAGE_C_BEGIN
/* Boundaries of arrays that are kept in fewer bits than floats: some
   tokens at a time are copied to floats in the workspace, crossed there
   by operations in floats, one after the other, rounded where these
   store, and copied back. */
struct wide {                   /* what a device has in floats */
    void (*cross)(struct device *, const struct site *from,
                  const struct site *to);
    void (*cross_backward)(struct device *, const struct site *from,
                           const struct site *to);
    void (*enter)(struct device *, const struct site *,
                  struct array vector);
    void (*enter_backward)(struct device *, struct array dvector,
                           const struct site *);
    size_t (*work)(const struct site *);    /* bytes they ask for */
    size_t tokens;              /* at a time */
    bool threads;               /* are threads of this machine at it? */
    // More that a device has in floats
    /* the stream of `to`, and nothing else */
    void (*write)(struct device *, const struct site *from,
                  const struct site *to);
};
void chunks_cross(struct device *d, const struct site *from,
                  const struct site *to, const struct wide *by);
void chunks_cross_backward(struct device *d, const struct site *from,
                           const struct site *to,
                           const struct wide *by);
void chunks_enter(struct device *d, const struct site *first,
                  struct array vector, const struct wide *by);
void chunks_enter_backward(struct device *d, struct array dvector,
                           const struct site *first,
                           const struct wide *by);
// More of boundaries in chunks

/* for so many floats; what operations ask for stands first */
real *room_behind(struct device *d, size_t own, size_t count);
LANGUAGE_C_END
#endif
