#ifndef TABLE_H
#define TABLE_H
#include "ground/message.h"
#include <stddef.h>

/* A CSV file: a line of names, then rows of as many cells. Blanks
   around a cell, empty lines and lines with a # in front are skipped;
   there are no quotes. */
struct table {
    char *memory;
    char **cell;                /* [1 + rows][columns] */
    size_t columns, rows;
};
/* EX_NOINPUT, EX_IOERR, EX_DATAERR with the line */
bool table_read(struct table *t, const char *file, struct message *m);
void table_free(struct table *t);
/* columns if there is none of that name */
size_t table_column(const struct table *t, const char *name);
const char *table_text(const struct table *t, size_t row,
                       const char *name);
/* NaN if the cell, or the column, holds no number */
double table_number(const struct table *t, size_t row,
                    const char *name);
#endif
