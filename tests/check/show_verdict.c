#include "check/boundary.c"

int main(void)
{
    struct message m = { 0, "" };
    struct rules r = test_rules;
    struct check c = { .file.rules = test_rules,
                       .file.hers = test_boundary(8, 4, 16, 3) };
    test_store(&c, "F32");
    r.forward = r.backward = MISTAKE(TRANSPOSED);
    if (!reference_run(&c.file.hers, &r, &m))
        return 1;
    test_store(&c, "F32");
    if (!check_run(&c, NULL, &m))
        return 1;
    check_print(stdout, &c);
    return 0;
}
