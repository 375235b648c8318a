#include "emulator.h"
#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace emulator {
static struct program { char *begins, *shared; } program;
static std::vector<struct variable> arrays, functions;

static int first_object(struct dl_phdr_info *i, size_t, void *)
{
    program.begins = (char *)i->dlpi_addr;
    program.shared = (char *)i->dlpi_tls_data;
    return 1;
}

/* a mangled variable of a function, but not a gap */
static bool is_shared(const char *name)
{
    return strncmp(name, "_ZZ", 3) == 0
        && strstr(name, "emulator_gap_") == NULL;
}

static void read_symbols(const char *file)
{
    const ElfW(Ehdr) *h = (const ElfW(Ehdr) *)file;
    const ElfW(Shdr) *s = (const ElfW(Shdr) *)(file + h->e_shoff);
    for (int i = 0; i < h->e_shnum; i++) {
        if (s[i].sh_type != SHT_SYMTAB)
            continue;
        const char *names = file + s[s[i].sh_link].sh_offset;
        const ElfW(Sym) *y = (const ElfW(Sym) *)(file + s[i].sh_offset);
        for (size_t k = 0; k < s[i].sh_size / sizeof *y; k++) {
            const char *name = names + y[k].st_name;
            int type = ELF64_ST_TYPE(y[k].st_info);
            if (type == STT_TLS && is_shared(name))
                arrays.push_back({ program.shared + y[k].st_value,
                                   y[k].st_size, name });
            else if (type == STT_FUNC)
                functions.push_back({ program.begins + y[k].st_value,
                                      y[k].st_size, name });
        }
    }
}

static void read_program(void)
{
    struct stat is;
    if (functions.size() > 0)
        return;
    int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    dl_iterate_phdr(first_object, NULL);
    if (file < 0 || fstat(file, &is) != 0)
        fail(NULL, 0, "the program cannot be read");
    void *text = mmap(NULL, is.st_size, PROT_READ, MAP_PRIVATE, file,
                      0);
    close(file);
    if (text == MAP_FAILED)
        fail(NULL, 0, "the program cannot be read");
    read_symbols((const char *)text);
    if (functions.size() == 0)
        fail(NULL, 0, "the program was stripped of its symbols");
}

const std::vector<struct variable> &static_shared(void)
{
    read_program();
    return arrays;
}

/* void k<3>(float *) is k<3>, and k(int)::s is k::s */
static const char *without_types(char *name)
{
    int depth = 0;
    char *end = strrchr(name, ')');
    while (end != NULL && end > name) {
        depth += *end == ')' ? 1 : *end == '(' ? -1 : 0;
        if (depth == 0)
            break;
        end--;
    }
    if (end != NULL && strchr(end, ')')[1] == ':')
        memmove(end, strrchr(end, ')') + 1, strlen(strrchr(end, ')')));
    else if (end != NULL)
        *end = 0;
    return strncmp(name, "void ", 5) == 0 ? name + 5 : name;
}

const char *plain_name(const char *mangled)
{
    static char text[200];
    int status;
    char *name = abi::__cxa_demangle(mangled, NULL, NULL, &status);
    snprintf(text, sizeof text, "%s",
             name == NULL ? mangled : without_types(name));
    free(name);
    return text;
}

const char *name_of(const void *function)
{
    read_program();
    for (const struct variable &f : functions)
        if (f.at == function)
            return plain_name(f.name);
    return "?";
}

const char *place_of(const void *instruction)
{
    static char text[2][200];
    static int turn;
    char command[120], line[200], *place = text[turn++ % 2];
    read_program();
    snprintf(place, sizeof *text, "?");
    snprintf(command, sizeof command, "addr2line -s -i -e "
             "/proc/%d/exe 0x%tx 2>&1", (int)getpid(),
             (const char *)instruction - 1 - program.begins);
    FILE *f = popen(command, "r");
    while (f != NULL && fgets(line, sizeof line, f) != NULL) {
        line[strcspn(line, "\n (")] = 0;
        if (strncmp(line, "??", 2) == 0)
            continue;
        char *copy = strstr(line, ".cu.cpp:");
        if (copy != NULL)               /* has the same lines */
            memmove(copy + 3, copy + 7, strlen(copy + 7) + 1);
        snprintf(place, sizeof *text, "%s", line);
        if (strstr(line, "cuda_runtime.h:") == NULL
            && strstr(line, "cuda_pipeline.h:") == NULL
            && strstr(line, "hopper.cuh:") == NULL)
            break;
    }
    if (f != NULL)
        pclose(f);
    return place;
}
}
