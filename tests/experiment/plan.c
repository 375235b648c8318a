#include "experiment/plan.h"
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include "experiment/table.h"
#include "ground/memory.h"

enum { SEEDS = 1000 };

// Read a row of the plan
struct row { struct planned run; size_t first, last; };

static bool read_row(struct row *r, const struct table *t, size_t row,
                     struct message *m)
{
    char rest;
    for (size_t k = 0; k < t->columns; k++) {
        const char *name = t->cell[k], *text = table_text(t, row, name);
        if (strcmp(name, "arm") == 0)
            snprintf(r->run.arm, sizeof r->run.arm, "%s", text);
        else if (strcmp(name, "precision") == 0)
            snprintf(r->run.precision, sizeof r->run.precision, "%s",
                     text);
        else if (strcmp(name, "seeds") == 0) {
            if (sscanf(text, "%zu-%zu%c", &r->first, &r->last, &rest)
                != 2)
                return fail(m, EX_DATAERR, "seeds %s: 1-8 is wanted",
                            text);
        } else if (!configuration_set(&r->run.configuration, name, text,
                                      m))
            return false;
    }
    // Check the row
    if (strcmp(r->run.arm, table_text(t, row, "arm")) != 0)
        return fail(m, EX_DATAERR, "%s: a name has 31 letters at most",
                    table_text(t, row, "arm"));
    if (!*r->run.arm || strchr(r->run.arm, '/'))
        return fail(m, EX_DATAERR, "an arm has no name, or a slash in it");
    if (r->last < r->first || r->last - r->first >= SEEDS)
        return fail(m, EX_DATAERR, "%s: seeds %zu-%zu", r->run.arm,
                    r->first, r->last);
    return configuration_check(&r->run.configuration, m);
}

// Read the plan
bool plan_read(struct plan *p, const char *file,
               const struct configuration *shared, struct message *m)
{
    struct table t;
    struct message why = { 0 };
    size_t rows = 0, all = 0;
    *p = (struct plan){ 0 };
    if (!table_read(&t, file, m))
        return false;
    struct row *row = memory_new(t.rows, sizeof *row, m);
    while (row && rows < t.rows) {
        struct row *r = &row[rows];
        r->run.configuration = *shared;
        if (!read_row(r, &t, rows, &why)) {
            fail(m, EX_DATAERR, "%s: row %zu: %s", file, rows + 1,
                 why.text);
            break;
        }
        all += r->last - r->first + 1;
        rows++;
    }
    bool well = row && rows == t.rows
        && (p->run = memory_new(all, sizeof *p->run, m)) != NULL;
    // Take the first seed of every row, then the second
    for (size_t s = 0; well && p->runs < all; s++)
        for (size_t i = 0; i < rows; i++)
            if (row[i].first + s <= row[i].last) {
                struct planned *next = &p->run[p->runs++];
                *next = row[i].run;
                next->configuration.seed = row[i].first + s;
            }
    memory_free(row);
    table_free(&t);
    return well;
}

void plan_free(struct plan *p)
{
    memory_free(p->run);
    *p = (struct plan){ 0 };
}
