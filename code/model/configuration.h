#ifndef CONFIGURATION_H
#define CONFIGURATION_H
#include "ground/message.h"
#include "ground/real.h"

LANGUAGE_C_BEGIN
/* Everything a run can be told. */
struct configuration {
    size_t layers;          /* each is two sublayers */
    size_t width;           /* channels of a stream */
    size_t heads;
    size_t hidden;          /* channels of the gate; 0: by width */
    size_t context;         /* positions */
    size_t vocabulary;
    size_t streams;
    bool tied;              /* is the head the embedding? */
    char connection[32];
    // More of the configuration
    size_t seed;
    size_t batch, accumulation, steps, warmup;
    size_t evaluate_every, evaluate_windows, recompute;
    double rate, floor, decay, beta1, beta2, epsilon, clip;
    size_t save_every;
    size_t iterations;      /* of Sinkhorn-Knopp */
    bool frugal;
    size_t lazy;            /* of so many sites one keeps its stream */
};

// A field of the configuration
enum field_type { COUNT /* size_t */, NUMBER /* double */,
                  SWITCH /* bool */, WORD /* char[32] */,
                  HASH /* uint64_t */, RECORD /* double */ };
enum field_change { FIXED, FREE };

struct field {
    const char *name;       /* --name, and the key in a checkpoint */
    enum field_type type;
    size_t offset;          /* in the struct described */
    double least, most;     /* inclusive; not for SWITCH and WORD */
    enum field_change change;
    const char *unit, *help;
};
extern const struct field configuration_fields[];   /* name NULL ends */

// Functions on configurations
struct configuration configuration_default(void);
/* EX_USAGE and a message if there is no such field or the text is none
   of its values; *c is unchanged then */
bool configuration_set(struct configuration *c, const char *name,
                       const char *text, struct message *m);
/* are all fields within bounds, and do they fit together? EX_USAGE */
bool configuration_check(const struct configuration *c,
                         struct message *m);
/* channels of the gate, with the default worked out */
size_t configuration_hidden(const struct configuration *c);
/* a decimal number that a double can hold, and nothing else */
bool configuration_number(double *value, const char *text);
/* or NULL */
const struct field *field_find(const struct field *table,
                               const char *name);
/* sets a field of what the table describes; false if the text is no
   value of its type */
bool field_set(void *of, const struct field *f, const char *text);
/* the value as field_set reads it back, exactly */
void field_get(const void *of, const struct field *f, char text[64]);
LANGUAGE_C_END
#endif
