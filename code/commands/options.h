#ifndef OPTIONS_H
#define OPTIONS_H
#include "device/device.h"
#include "model/configuration.h"

enum { MOST_FIELDS = 64 };

/* An option that belongs to one command. A list ends with name NULL. */
struct own_option {
    const char *name;       /* "data": --data */
    const char *argument;   /* "FILE"; NULL: a switch */
    const char *help;
    const char **text;      /* gets what was given; "" for a switch */
};
struct request {
    const char *command;            /* "train" */
    const char *operands;           /* "[CHECKPOINT]", or NULL: none */
    const char *help;               /* for --help, with an example */
    const struct own_option *own;
    bool fields;                    /* takes the configuration too */
    bool device;                    /* and --device and --precision */
};
struct options {
    struct configuration configuration;     /* the caller's defaults */
    bool given[MOST_FIELDS];        /* as in configuration_fields */
    char **operand;                 /* what is left: files, folders */
    size_t operands;
    struct device *device;          /* open, if it was asked for */
    const char *precision;          /* as it was asked for, or NULL */
};
/* Reads a command line. False and a message of status 64 that names
   the option at fault; or false and no message: --help was shown. */
bool options_read(struct options *o, const struct request *r,
                  int argc, char **argv, struct message *m);
/* Prints "mhc COMMAND: message" and gives the exit status. */
int options_report(const struct request *r, const struct message *m);
/* Reads a command line, runs the command, reports; the exit status. */
int options_run(const struct request *r, int argc, char **argv,
                bool (*run)(const struct options *, struct message *));
/* The whole number in text, between least and most; or a message. */
bool options_number(size_t *n, const char *name, const char *text,
                    size_t least, size_t most, struct message *m);
#endif
