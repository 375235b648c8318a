#include <cuda_runtime.h>
#include <cstdlib>
#include <dlfcn.h>
#include <unistd.h>
#include <vector>
#include "support/judge.h"
#include "support/lab_gpu.h"

#define EMULATOR_SAYS "emulator: "
extern "C" void emulator_configure(void);  /* reads its variables */
namespace emulator {
struct variable;
const std::vector<struct variable> &static_shared(void);
void name_array(const void *memory, const char *name);
}
void lab_gpu_calls(real *calls)
{
    *calls = (real)emulator::calls();
}

enum { ARRAYS = 32 };
static struct { float *host, *device; size_t count; } twin[ARRAYS];
static size_t twins;

static void say(cudaError_t status, const char *what)
{
    if (status == cudaSuccess)
        return;
    fprintf(stderr, EMULATOR_SAYS "%s: %s\n", what,
            cudaGetErrorString(status));
    fflush(stderr);
    _exit(86);
}

float *lab_gpu_scratch(size_t count)
{
    void *device = NULL;
    say(cudaMalloc(&device, count * sizeof(float)), "memory");
    if (twins == ARRAYS)
        abort();
    twin[twins++] = { NULL, (float *)device, count };
    return (float *)device;
}

float *lab_gpu_named(const char *name, const float *host, size_t count)
{
    float *device = lab_gpu_scratch(count);
    emulator::name_array(device, name);
    twin[twins - 1].host = const_cast<float *>(host);
    if (count > 0)
        say(cudaMemcpy(device, host, count * sizeof(float),
                       cudaMemcpyHostToDevice), "upload");
    return device;
}
/* for the counter of accesses */
bool lab_gpu_has(const void *address);
bool lab_gpu_has(const void *address)
{
    for (size_t i = 0; i < twins; i++)
        if (address >= twin[i].device &&
            address < twin[i].device + twin[i].count)
            return true;
    return false;
}

struct line { char text[1000]; };

static void find_line(void *reply, const void *request)
{
    typedef FILE *opens(const char *, const char *);
    static opens *const really = (opens *)dlsym(RTLD_NEXT, "popen");
    struct line *line = (struct line *)reply;
    char self[200] = "", command[260];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    *line = { "?\n" };
    if (length <= 0 || strchr(self, '\'') != NULL)
        return;
    snprintf(command, sizeof command, "addr2line -s -i -e '%s' 0x%zx",
             self, *(const size_t *)request);
    FILE *f = really(command, "r");
    if (f == NULL)
        return;
    line->text[fread(line->text, 1, sizeof line->text - 1, f)] = '\0';
    fclose(f);
}

extern "C" FILE *popen(const char *command, const char *)
{
    static struct line line;
    const char *address = strstr(command, " 0x");
    const size_t at = address == NULL ? 0 : strtoull(address, NULL, 16);
    lab_ask(&line, &at);
    return fmemopen(line.text, strlen(line.text), "r");
}

extern "C" int pclose(FILE *f)
{
    return fclose(f);
}

void lab_gpu_begin(const char *title)
{
    lab_begin(title);
    judge_emulated(EMULATOR_SAYS);
    setenv("EMULATOR_GUARD", "1", 1);
    emulator_configure();
    emulator::static_shared();
}

void lab_gpu_before(const char *order)
{
    snprintf(judge_order, sizeof judge_order, "%s", order);
    lab_serve(find_line, sizeof(struct line), sizeof(size_t));
}

void lab_gpu_order(const char *order)
{
    twins = 0;
    setenv("EMULATOR_ORDER", order, 1);
    emulator_configure();
}

void lab_gpu_end(void)
{
    say(cudaGetLastError(), "a launch failed");
    say(cudaDeviceSynchronize(), "the device failed");
    for (size_t i = 0; i < twins; i++)
        if (twin[i].host != NULL && twin[i].count > 0)
            say(cudaMemcpy(twin[i].host, twin[i].device,
                           twin[i].count * sizeof(float),
                           cudaMemcpyDeviceToHost), "download");
}
