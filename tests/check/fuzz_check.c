#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "check/check.h"
#include "checkpoint/fuzz_support.h"

static void judge(const struct safetensors *s, size_t site)
{
    static FILE *nowhere;
    struct message m = { 0, "" };
    struct check c = { 0 };
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "w");
    if (!check_read(&c.file, s, site, &m)) {
        fuzz_demand_message(&m);
        return;
    }
    if (check_run(&c, NULL, &m)) {
        fuzz_demand(c.best < 2);
        const struct verdict *v = &c.whole.verdict[c.best];
        fuzz_demand(v->of > 0 && v->agree <= v->of && v->of <= PARTS);
        fuzz_demand(nowhere != NULL);
        check_print(nowhere, &c);
    } else
        fuzz_demand_message(&m);
    check_close(&c.file);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
    if (size < 8)
        return 0;
    struct image image = fuzz_image(bytes, size);
    do {
        struct message m = { 0, "" };
        struct safetensors s;
        if (image_open(&s, image, &m)) {
            judge(&s, SIZE_MAX);
            judge(&s, 1);
            safetensors_close(&s);
        } else
            fuzz_demand_message(&m);
    } while (fuzz_length_repair(image));
    return 0;
}

// Write check files to begin with
void fuzz_seeds(const char *folder)
{
    // More check files to begin with
    static const char coded[] = "{'streams':{'dtype':'F8_E4M3',"
        "'shape':[2,2,1],'data_offsets':[0,4]},'streams_scale_inv':{"
        "'dtype':'F32','shape':[2,1,1],'data_offsets':[4,12]},"
        "'phi':{'dtype':'F8_E5M2','shape':[2,8],'data_offsets':[12,28]},"
        "'phi_scale':{'dtype':'F32','shape':[1],'data_offsets':[28,32]},"
        "'alpha':{'dtype':'F32','shape':[3],'data_offsets':[32,44]},"
        "'bias':{'dtype':'F32','shape':[8],'data_offsets':[44,76]},"
        "'h_res':{'dtype':'F32','shape':[2,2,2],'data_offsets':[76,108]}}";
    struct image eight = image_of(coded, 108);
    for (size_t i = 0; i < 3; i++)
        memcpy(eight.bytes + eight.size - 108 + (i < 2 ? 4 + 4 * i : 28),
               &(const float){ 2 }, 4);
    fuzz_seed(folder, "coded", eight.bytes, eight.size);
    static const char numbers[] = "{'%s':{'dtype':'F32',"
        "'shape':[2,2,1],'data_offsets':[0,16]},"
        "'%s':{'dtype':'F32','shape':[2,8],'data_offsets':[16,80]},"
        "'%s':{'dtype':'F32','shape':[3],'data_offsets':[80,92]},"
        "'%s':{'dtype':'F32','shape':[8],'data_offsets':[92,124]},"
        "'%s':{'dtype':'BF16','shape':[2,2],'data_offsets':[124,132]},"
        "'%s':{'dtype':'F64','shape':[2,2,2],'data_offsets':[132,196]},"
        "'__metadata__':{'iterations':'10','norm_epsilon':'0.5'}}";
    static const char *const name[2][6] = {
        { "streams", "phi", "alpha", "bias", "h_pre", "h_res" },
        { "site.1.streams", "sublayer.1.mhc.phi",
          "sublayer.1.mhc.alpha", "sublayer.1.mhc.bias",
          "site.1.h_pre", "site.1.h_res" } };
    static const char *const file[2] = { "given", "traced" };
    char header[2000];
    for (int k = 0; k < 2; k++) {
        snprintf(header, sizeof header, numbers, name[k][0], name[k][1],
                 name[k][2], name[k][3], name[k][4], name[k][5]);
        struct image image = image_of(header, 196);
        fuzz_seed(folder, file[k], image.bytes, image.size);
    }
}
