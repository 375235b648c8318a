#include "device/emulator_bugs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

extern const char emulator_checker[] __attribute__((weak));
enum { MOST = 1 << 16 };
struct outcome {
    int status;
    size_t size;
    char said[200], bytes[MOST];
};

static void try_form(struct outcome *o, const struct bug *b, bool right)
{
    FILE *said = tmpfile(), *result = tmpfile();
    if (said == NULL || result == NULL)
        exit(EX_OSERR);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(60);
        dup2(fileno(said), STDERR_FILENO);
        if (emulator_checker == NULL)
            emulator_bug_results = result;
        b->run(right);
        exit(0);
    }
    if (child < 0 || waitpid(child, &o->status, 0) != child)
        exit(EX_OSERR);
    rewind(said);
    rewind(result);
    o->said[fread(o->said, 1, sizeof o->said - 1, said)] = 0;
    o->size = fread(o->bytes, 1, sizeof o->bytes, result);
    fclose(said);
    fclose(result);
}

/* a bug a line: its name, and what became of it */
int main(void)
{
    static struct outcome right, wrong;
    for (size_t i = 0; i < emulator_bug_count; i++) {
        const struct bug *b = &emulator_bugs[i];
        try_form(&right, b, true);
        try_form(&wrong, b, false);
        if (right.status != 0 || right.said[0] != 0) {
            fprintf(stderr, "%s: its right form: %s\n", b->name,
                    right.said);
            return EXIT_FAILURE;
        }
        bool same = right.size == wrong.size
            && memcmp(right.bytes, wrong.bytes, right.size) == 0;
        bool by_itself = strstr(wrong.said, " is not ") != NULL
            && strncmp(wrong.said, "emulator: ", 10) != 0;
        printf("%s,%s\n", b->name,
               wrong.status != 0 && !by_itself ? "error"
               : by_itself || !same ? "wrong result" : "not seen");
    }
    return 0;
}
