#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/image.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tiny.h"
#include "ground/memory.h"

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size);

// Look at everything in a file
static void demand(bool holds)
{
    if (!holds)
        abort();
}

static bool look(struct image image)
{
    struct message m = { 0, "" };
    struct safetensors s;
    size_t end = 0;
    if (!safetensors_read(&s, "f", image.bytes, image.size, &m)) {
        demand(m.status != 0 && strpbrk(m.text, "\n\033") == NULL);
        return false;
    }
    for (size_t i = 0; i < s.used; i++) {
        const struct entry *e = &s.list[i];
        size_t count = (e->end - e->begin) / e->type->bytes;
        real *x = memory_new(count, sizeof *x, &m);
        demand(e->begin == end && safetensors_find(&s, e->name) == e);
        demand(x != NULL && safetensors_copy(x, &s, e->name, e->rank,
                                             e->shape, &m));
        memory_free(x);
        end = e->end;
    }
    demand(end == s.bytes);
    safetensors_close(&s);
    return true;
}
// Offer a file as a checkpoint
static size_t loaded;

static void offer(struct image image)
{
    static struct trainer t;
    static int handle = -1;
    static char path[64], text[CHECKPOINT_WARNINGS];
    struct message m[4] = { { 0, "" } };
    struct configuration c;
    if (handle < 0) {
        handle = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
        tiny_open(&t);
    }
    demand(ftruncate(handle, 0) == 0);
    demand(pwrite(handle, image.bytes, image.size, 0)
           == (ssize_t)image.size);
    checkpoint_read_configuration(&c, path, &m[0]);
    checkpoint_warnings(text, path, &m[1]);
    checkpoint_read_weights(&t.model, path, &m[2]);
    loaded += checkpoint_read(&t, path, &m[3]);
    demand(t.bookmark.position.index < t.batches.windows);
}
// Put in the length of the header
static void length_repair(struct image image)
{
    size_t length = 8, depth = 0;
    do {
        depth += length < image.size && image.bytes[length] == '{';
        depth -= length < image.size && image.bytes[length] == '}';
        length++;
    } while (length < image.size && depth > 0);
    for (size_t i = 0; i < 8; i++)
        image.bytes[i] = (unsigned char)((length - 8) >> 8 * i & 0xff);
}
// Try one input of the fuzzer
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    if (size < 8)
        return 0;
    struct image image = image_of("", size - 8);
    memcpy(image.bytes, bytes, size);
    for (int try = 0; try < 2; try++) {
        image_repair(image);
        if (look(image))
            offer(image);
        length_repair(image);
    }
    return 0;
}
#ifdef SEEDS
// Write the seeds, or try files again
static void seed(const char *folder, const char *name,
                 const char *header, size_t data)
{
    char path[512];
    struct image image = image_of(header, data);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    demand(file != NULL);
    fwrite(image.bytes, 1, image.size, file);
    demand(fclose(file) == 0);
}

static void seeds(const char *folder)
{
    struct trainer t;
    struct message m = { 0, "" };
    char path[512];
    seed(folder, "empty", "{}", 0);
    seed(folder, "texts", "{'__metadata__':{'checksum':"
         "'0123456789abcdef','checksum_kind':'fnv1a64','x':'y'}}  ", 0);
    seed(folder, "three", "{'a':{'dtype':'F32','shape':[2,1],"
         "'data_offsets':[0,8]},'b':{'dtype':'F64','shape':[],"
         "'data_offsets':[8,16]},'c':{'dtype':'BF16','shape':[0,3],"
         "'data_offsets':[16,16]}}", 16);
    tiny_open(&t);
    snprintf(path, sizeof path, "%s/checkpoint", folder);
    demand(checkpoint_write(path, &t, &m));
    tiny_close(&t);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--seeds") == 0)
        seeds(argv[2]);
    else
        for (int i = 1; i < argc; i++) {
            // Try the file argv[i]
            static unsigned char bytes[1 << 20];
            FILE *file = fopen(argv[i], "rb");
            demand(file != NULL);
            size_t size = fread(bytes, 1, sizeof bytes, file);
            fclose(file);
            LLVMFuzzerTestOneInput(bytes, size);
            printf("%s: %zu of 2 loaded\n", argv[i], loaded);
            loaded = 0;
        }
    return 0;
}
#endif
