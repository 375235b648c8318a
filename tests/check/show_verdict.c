#include "check/boundary.h"
#include <stdio.h>

int main(void)
{
    struct message m = { 0, "" };
    struct rules r = reference_rules(&test_settings, false);
    static struct check c;
    c.file.settings = test_settings;
    c.file.hers = test_boundary(8, 4, 16, 3);
    test_store(&c, "F32");
    r.forward.wrong = r.backward.wrong = MISTAKE(TRANSPOSED);
    if (!reference_run(&c.file.hers, &r, &m))
        return 1;
    test_store(&c, "F32");
    if (!check_run(&c, NULL, &m))
        return 1;
    check_print(stdout, &c);
    return 0;
}
