#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "checkpoint/checkpoint.h"
#include "checkpoint/fuzz_support.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/tiny.h"
#include "ground/memory.h"

// Look at everything in a file
static bool look(struct image image)
{
    struct message m = { 0, "" };
    struct safetensors s;
    size_t end = 0;
    if (!image_open(&s, image, &m)) {
        fuzz_demand_message(&m);
        return false;
    }
    for (size_t i = 0; i < s.used; i++) {
        const struct entry *e = &s.list[i];
        size_t count = (e->end - e->begin) / e->type->bytes;
        real *x = memory_new(count, sizeof *x, &m);
        fuzz_demand(e->begin == end);
        fuzz_demand(safetensors_find(&s, e->name) == e);
        fuzz_demand(x != NULL);
        bool copied = safetensors_numbers(x, &s, e, 0, count, &m);
        fuzz_demand(copied == (e->type->number != NULL));
        if (!copied)
            fuzz_demand_message(&m);
        memory_free(x);
        end = e->end;
    }
    fuzz_demand(end == s.bytes);
    safetensors_close(&s);
    return true;
}
// Offer a file as a checkpoint
static void offer(struct image image)
{
    static struct trainer t;
    static int handle = -1;
    static char path[64], text[CHECKPOINT_WARNINGS];
    struct message m[3] = { { 0, "" } };
    struct checkpoint k;
    if (handle < 0) {
        handle = memfd_create("fuzz", 0);
        snprintf(path, sizeof path, "/proc/self/fd/%d", handle);
        tiny_open(&t);
    }
    fuzz_demand(ftruncate(handle, 0) == 0);
    fuzz_demand(pwrite(handle, image.bytes, image.size, 0)
                == (ssize_t)image.size);
    if (!checkpoint_open(&k, path, &m[0])) {
        fuzz_demand_message(&m[0]);
        return;
    }
    checkpoint_warnings(text, &k);
    checkpoint_read_weights(&t.model, &k, &m[1]);
    checkpoint_read(&t, &k, &m[2]);
    checkpoint_close(&k);
    fuzz_demand(t.bookmark.position.index < t.batches.windows);
}
// Try one input of the fuzzer
int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    if (size < 8)
        return 0;
    struct image image = fuzz_image(bytes, size);
    do
        if (look(image))
            offer(image);
    while (fuzz_length_repair(image));
    return 0;
}
// Write checkpoints to begin with
static void seed(const char *folder, const char *name,
                 const char *header, size_t data)
{
    struct image image = image_of(header, data);
    fuzz_seed(folder, name, image.bytes, image.size);
}

void fuzz_seeds(const char *folder)
{
    struct trainer t;
    struct message m = { 0, "" };
    char path[512];
    seed(folder, "empty", "{}", 0);
    seed(folder, "texts", "{'__metadata__':{'checksum':"
         "'0123456789abcdef','checksum_kind':'xxh3_64','x':'y'}}  ", 0);
    seed(folder, "old", "{'__metadata__':{'checksum':"
         "'0123456789abcdef','checksum_kind':'fnv1a64','x':'y'}}  ", 0);
    seed(folder, "three", "{'a':{'dtype':'F32','shape':[2,1],"
         "'data_offsets':[0,8]},'b':{'dtype':'F64','shape':[],"
         "'data_offsets':[8,16]},'c':{'dtype':'BF16','shape':[0,3],"
         "'data_offsets':[16,16]}}", 16);
    seed(folder, "steps", "{'a':{'dtype':'I64','shape':[1],"
         "'data_offsets':[0,8]},'b':{'dtype':'F8_E4M3','shape':[2],"
         "'data_offsets':[8,10]}}", 10);
    tiny_open(&t);
    snprintf(path, sizeof path, "%s/checkpoint", folder);
    fuzz_demand(checkpoint_write(path, &t, &m));
    tiny_close(&t);
}
