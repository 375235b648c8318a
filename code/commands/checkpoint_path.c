#include <stdio.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "commands/checkpoint_path.h"

bool checkpoint_path(char path[PATH_ROOM], const char *file,
                     struct message *m)
{
    struct stat s;
    bool folder = stat(file, &s) == 0 && S_ISDIR(s.st_mode);
    int n = snprintf(path, PATH_ROOM,
                     folder ? "%s/latest.safetensors" : "%s", file);
    return n < PATH_ROOM
        || fail(m, EX_NOINPUT, "%.80s...: the path is too long", file);
}

bool checkpoint_look(struct checkpoint *k, char path[PATH_ROOM],
                     const char *file, struct message *m)
{
    char text[CHECKPOINT_WARNINGS] = "";
    if (!checkpoint_path(path, file, m) || !checkpoint_open(k, path, m))
        return false;
    checkpoint_strangers(text, k);
    fputs(text, stderr);
    return true;
}
// Keep the precision of a checkpoint

bool checkpoint_keep_precision(const struct checkpoint *k,
                               struct device *d, const char *asked,
                               struct message *m)
{
    const char *name = d->does->name;
    const char *had = safetensors_text(&k->file, "precision");
    if (had == NULL)
        return true;
    if (strspn(had, "abcdefghijklmnopqrstuvwxyz0123456789-")
        != strlen(had))
        return refuse(&k->file, NULL, m, "its precision is none that "
                      "is known");
    if (asked != NULL || strcmp(had, device_precision(d)) == 0)
        return true;
    device_close(d);
    return device_open(d, name, had, m);
}
