#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "checkpoint/fuzz_support.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

void fuzz_demand(bool holds)
{
    if (!holds)
        abort();
}

void fuzz_demand_message(const struct message *m)
{
    fuzz_demand(m->status != 0 && m->text[0] != '\0'
                && strpbrk(m->text, "\n\033") == NULL);
}

// Put in the length of the header
struct image fuzz_image(const unsigned char *bytes, size_t size)
{
    struct image image = image_of("", size - 8);
    memcpy(image.bytes, bytes, size);
    image_repair(image);
    return image;
}

bool fuzz_length_repair(struct image image)
{
    size_t length = 8, depth = 0;
    unsigned char before[8];
    memcpy(before, image.bytes, 8);
    do {
        depth += length < image.size && image.bytes[length] == '{';
        depth -= length < image.size && image.bytes[length] == '}';
        length++;
    } while (length < image.size && depth > 0);
    for (size_t i = 0; i < 8; i++)
        image.bytes[i] = (unsigned char)((length - 8) >> 8 * i & 0xff);
    image_repair(image);
    return memcmp(before, image.bytes, 8) != 0;
}
// Write seeds
void fuzz_seed(const char *folder, const char *name, const void *bytes,
               size_t size)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *out = fopen(path, "wb");
    fuzz_demand(out != NULL && fwrite(bytes, 1, size, out) == size
                && fclose(out) == 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    if (*argc == 3 && strcmp((*argv)[1], "--seeds") == 0) {
        fuzz_seeds((*argv)[2]);
        exit(0);
    }
    return 0;
}
