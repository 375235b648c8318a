#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#include "journal/texts.h"

// Write a name into a log
static void write_name(FILE *out, const char *key, const char *name)
{
    json_t *string = json_string(name);
    char *text = string ? json_dumps(string, JSON_ENCODE_ANY) : NULL;
    if (!*name)
        fprintf(out, ",\"%s\":null", key);
    else if (text)
        fprintf(out, ",\"%s\":%s", key, text);
    else {
        fprintf(out, ",\"%s\":{\"hex\":\"", key);
        for (; *name; name++)
            fprintf(out, "%02x", (unsigned char)*name);
        fprintf(out, "\"}");
    }
    free(text);
    json_decref(string);
}

void texts_write(FILE *out, const struct texts *t)
{
    write_name(out, "data", t->data);
    write_name(out, "held_out", t->held_out);
    write_name(out, "folder", t->folder);
    if (*t->init)
        write_name(out, "init", t->init);
}
// Read a name from a log
static void read_name(char name[PATH_ROOM], const json_t *value)
{
    const char *text = json_string_value(value);
    if (text) {
        snprintf(name, PATH_ROOM, "%s", text);
        return;
    }
    text = json_string_value(json_object_get(value, "hex"));
    size_t length = text ? strlen(text) / 2 : 0;
    if (length == 0 || length >= PATH_ROOM)
        return;
    for (size_t i = 0; i < length; i++) {
        char digits[3] = { text[2 * i], text[2 * i + 1], 0 };
        name[i] = (char)strtoul(digits, NULL, 16);
    }
    name[length] = '\0';
}

void texts_take(struct texts *t, const struct log *l)
{
    if (!json_object_get(l->line, "data"))
        return;
    *t = (struct texts){ .data = "" };
    read_name(t->data, json_object_get(l->line, "data"));
    read_name(t->held_out, json_object_get(l->line, "held_out"));
    read_name(t->folder, json_object_get(l->line, "folder"));
}
// Find a text
bool texts_given(struct texts *t, const char *data,
                 const char *held_out, struct message *m)
{
    *t = (struct texts){ .data = "" };
    const char *name[2] = { data ? data : "",
                            held_out ? held_out : "" };
    for (int k = 0; k < 2; k++)
        if (strlen(name[k]) >= PATH_ROOM)
            return fail(m, EX_USAGE, "%.80s...: the path is too long",
                        name[k]);
    strcpy(t->data, name[0]);
    strcpy(t->held_out, name[1]);
    if (!getcwd(t->folder, sizeof t->folder))
        t->folder[0] = '\0';
    return true;
}

void texts_find(char path[PATH_ROOM], const struct texts *t,
                const char *name)
{
    size_t folder = strlen(t->folder);
    snprintf(path, PATH_ROOM, "%s", name);
    if (!*name || *name == '/'
        || folder + 1 + strlen(name) >= PATH_ROOM)
        return;
    memcpy(path, t->folder, folder);
    snprintf(path + folder, PATH_ROOM - folder, "/%s", name);
    if (folder == 0 || access(path, F_OK) != 0)
        snprintf(path, PATH_ROOM, "%s", name);
}
