#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include "corpus/corpus.h"
#include "ground/file.h"
#include "ground/hash.h"
#include "ground/memory.h"

// Say what was wrong with the reading
bool corpus_read_fully(unsigned char *to, size_t size, int descriptor,
                       const char *file, struct message *m)
{
    ssize_t got = file_read(to, size, descriptor);
    if (got < 0)
        return fail(m, EX_IOERR, "%s: %s", file, strerror(errno));
    return (size_t)got == size
        || fail(m, EX_IOERR, "%s: ends after %zd of %zu bytes", file,
                got, size);
}

// Read a file that is fit to be read
// Check that the open file is fit to be read
static bool file_size(size_t *size, int descriptor, const char *file,
                      struct message *m)
{
    struct stat about;
    if (fstat(descriptor, &about) != 0)
        return fail(m, EX_NOINPUT, "%s: %s", file, strerror(errno));
    if (S_ISDIR(about.st_mode))
        return fail(m, EX_NOINPUT, "%s: is a directory", file);
    if (!S_ISREG(about.st_mode))
        return fail(m, EX_NOINPUT, "%s: is not an ordinary file", file);
    if (about.st_size <= 0)
        return fail(m, EX_DATAERR, "%s: is empty", file);
    *size = (size_t)about.st_size;
    return true;
}

bool corpus_read(unsigned char **byte, size_t *size, const char *file,
                 struct message *m)
{
    *byte = NULL;
    int descriptor = file_open(file);
    if (descriptor < 0)
        return fail(m, EX_NOINPUT, "%s: %s", file, strerror(errno));
    bool well = file_size(size, descriptor, file, m)
        && (*byte = memory_new(*size, 1, m)) != NULL
        && corpus_read_fully(*byte, *size, descriptor, file, m);
    file_calls.close(descriptor);
    if (!well) {
        memory_free(*byte);
        *byte = NULL;
    }
    return well;
}

// Open and close a corpus
// Check that a text holds a window
static bool holds_window(struct text t, const char *file,
                         const char *part, size_t context,
                         struct message *m)
{
    if (t.size > context)
        return true;
    return fail(m, EX_DATAERR, "%s: %zu bytes%s are too few for a "
                "context of %zu and the byte after it",
                file, t.size, part, context);
}

bool corpus_open(struct corpus *c, const char *data,
                 const char *held_out, size_t context,
                 struct message *m)
{
    *c = (struct corpus){ 0 };
    unsigned char *byte[2] = { NULL, NULL };
    size_t size[2] = { 0, 0 };
    bool well = corpus_read(&byte[0], &size[0], data, m)
        && (!held_out || corpus_read(&byte[1], &size[1], held_out, m));
    c->memory[0] = byte[0];
    c->memory[1] = byte[1];
    if (well) {
        // Give each text its bytes
        size_t tenth = size[0] / 10;
        if (held_out) {
            c->training = (struct text){ byte[0], size[0] };
            c->held_out = (struct text){ byte[1], size[1] };
        } else {
            c->training = (struct text){ byte[0], size[0] - tenth };
            c->held_out = (struct text){ byte[0] + size[0] - tenth, tenth };
        }
        well = holds_window(c->training, data, "", context, m)
            && holds_window(c->held_out, held_out ? held_out : data,
                            held_out ? "" : " in its last tenth",
                            context, m);
    }
    if (!well)
        corpus_close(c);
    return well;
}

void corpus_close(struct corpus *c)
{
    memory_free(c->memory[0]);
    memory_free(c->memory[1]);
    *c = (struct corpus){ 0 };
}

// Tell one text from another
uint64_t text_fingerprint(struct text t)
{
    return fnv_add(FNV_EMPTY, t.byte, t.size);
}
