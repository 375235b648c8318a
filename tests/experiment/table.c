#include "experiment/table.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include "corpus/corpus.h"
#include "ground/memory.h"

// Cut a line into cells
static size_t cut_line(char **cell, char *line)
{
    size_t cells = 0;
    for (char *next = line; next; cells++) {
        char *c = strsep(&next, ",");
        c += strspn(c, " ");
        size_t length = strlen(c);
        while (length > 0 && strchr(" \r", c[length - 1]))
            c[--length] = '\0';
        if (cell)
            cell[cells] = c;
    }
    return cells;
}

// Read a table
bool table_read(struct table *t, const char *file, struct message *m)
{
    unsigned char *byte;
    size_t size, number = 0, room = 0;
    *t = (struct table){ 0 };
    if (!corpus_read(&byte, &size, file, m))
        return false;
    for (size_t i = 0; i < size; i++)
        room += byte[i] == ',' || byte[i] == '\n';
    t->memory = memory_new(size + 1, 1, m);
    t->cell = memory_new(room + 1, sizeof(char *), m);
    bool well = t->memory && t->cell;
    if (well)
        memcpy(t->memory, byte, size);
    memory_free(byte);
    char *next = t->memory, *line;
    while (well && (line = strsep(&next, "\n"))) {
        number++;
        if (line[strspn(line, " \r")] == '\0' || line[0] == '#')
            continue;
        // Add the line's cells
        size_t at = t->columns > 0 ? (t->rows + 1) * t->columns : 0;
        size_t cells = cut_line(t->cell + at, line);
        if (t->columns == 0)
            t->columns = cells;
        else if (cells == t->columns)
            t->rows++;
        else
            well = fail(m, EX_DATAERR, "%s:%zu: %zu cells under %zu names",
                        file, number, cells, t->columns);
    }
    well = well && (t->columns > 0
                    || fail(m, EX_DATAERR, "%s: no table", file));
    if (!well)
        table_free(t);
    return well;
}

void table_free(struct table *t)
{
    memory_free(t->memory);
    memory_free(t->cell);
    *t = (struct table){ 0 };
}

// Find a cell
size_t table_column(const struct table *t, const char *name)
{
    size_t k = 0;
    while (k < t->columns && strcmp(t->cell[k], name) != 0)
        k++;
    return k;
}

const char *table_text(const struct table *t, size_t row,
                       const char *name)
{
    size_t k = table_column(t, name);
    return k < t->columns ? t->cell[(row + 1) * t->columns + k] : "";
}

double table_number(const struct table *t, size_t row,
                    const char *name)
{
    const char *text = table_text(t, row, name);
    char *end;
    double x = strtod(text, &end);
    return *text && *end == '\0' ? x : NAN;
}
