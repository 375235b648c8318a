#include "boundary/sites.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

// Move a site to a device
/* the same arrays, all of them zero */
static bool move(struct site *s, struct device *d, struct message *why)
{
    static const size_t member[] = {
        offsetof(struct site, stream), offsetof(struct site, answer),
        offsetof(struct site, coefficients),
        offsetof(struct site, input), offsetof(struct site, normed),
        offsetof(struct site, inverse_rms),
        offsetof(struct site, dstream), offsetof(struct site, danswer),
        offsetof(struct site, dcoefficients),
        offsetof(struct site, dinput), offsetof(struct site, dnormed),
        offsetof(struct site, phi), offsetof(struct site, alpha),
        offsetof(struct site, bias), offsetof(struct site, gain),
        offsetof(struct site, dgain), offsetof(struct site, dphi),
        offsetof(struct site, dalpha), offsetof(struct site, dbias) };
    s->device = d;
    for (size_t i = 0; i < sizeof member / sizeof *member; i++) {
        struct array *a = (struct array *)(void *)
            ((char *)s + member[i]);
        if (a->rows * a->columns == 0)
            continue;
        *a = device_shape(d, a->role, a->rows, a->columns);
        a->at = device_allocate(d, array_bytes(*a), why);
        if (a->at == NULL)
            return false;
        device_zero(d, *a);
    }
    return true;
}

/* KIND STREAMS TOKENS WIDTH at-once|apart there|back: one crossing. In
   a checked build, with EMULATOR_COUNT=FILE, the file has what each
   kernel moved. Prints a unit, in bytes. */
int main(int argc, char **argv)
{
    struct message why = { 0, "" };
    struct device d;
    if (argc != 7)
        return EX_USAGE;
    struct sites b = sites_of(connection_find(argv[1]),
                              strtoul(argv[2], NULL, 10),
                              strtoul(argv[3], NULL, 10),
                              strtoul(argv[4], NULL, 10),
                              strcmp(argv[5], "apart") == 0);
    if (device_open(&d, "gpu", "bf16", &why) && move(&b.from, &d, &why)
        && move(&b.to, &d, &why)) {
        if (strcmp(argv[6], "there") == 0)
            device_cross(&d, &b.from, &b.to);
        else
            device_cross_backward(&d, &b.from, &b.to);
        device_finish(&d, &why);
    }
    if (why.status != 0)
        fprintf(stderr, "%s\n", why.text);
    printf("%zu\n", 2 * b.to.tokens * b.to.width);
    return why.status;
}
