#include "device/device.h"
#include "ground/memory.h"
#include <string.h>
#include <sysexits.h>
// Headers of the cpu's operations
#include "boundary/streams.h"
#include "ground/sum.h"

// Hold numbers on the cpu
static real *cpu_allocate(size_t count, enum storage storage,
                          struct message *m)
{
    (void)storage;
    return memory_new(count, sizeof(real), m);
}

static void cpu_release(real *x)
{
    memory_free(x);
}

// Move and zero numbers on the cpu
static void cpu_move(real *to, const real *from, size_t count,
                     enum storage storage)
{
    (void)storage;
    memcpy(to, from, count * sizeof(real));
}

static void cpu_zero(real *x, size_t count, enum storage storage)
{
    (void)storage;
    memset(x, 0, count * sizeof(real));
}

// Hold tokens on the cpu
static token *cpu_allocate_tokens(size_t count, struct message *m)
{
    return memory_new(count, sizeof(token), m);
}

static void cpu_release_tokens(token *t)
{
    memory_free(t);
}

static void cpu_upload_tokens(token *to, const token *from,
                              size_t count)
{
    memcpy(to, from, count * sizeof(token));
}

static void cpu_synchronize(void)
{
}

static bool cpu_ready(size_t bytes, struct message *m)
{
    if (bytes > 0 && !memory_there(bytes))
        return fail(m, EX_OSERR, "no memory for %zu MiB", bytes >> 20);
    return matmul_ready(m);
}

const struct device cpu = {
    .name = "cpu",
    .bytes = { sizeof(real), sizeof(real) },
    .allocate = cpu_allocate,
    .release = cpu_release,
    .upload = cpu_move,
    .download = cpu_move,
    .zero = cpu_zero,
    .copy = cpu_move,
    .allocate_tokens = cpu_allocate_tokens,
    .release_tokens = cpu_release_tokens,
    .upload_tokens = cpu_upload_tokens,
    .synchronize = cpu_synchronize,
    .ready = cpu_ready,
    // Interfaces of the cpu
    .embedding = { embedding_forward, embedding_backward },
    .matmul = { matmul_forward, matmul_backward_input,
                matmul_backward_weight },
    .matmul_exact = { matmul_forward, matmul_backward_input,
                      matmul_backward_weight },
    .norm = { norm_forward, norm_backward },
    .attention = { attention_scratch, attention_rotation, attention_rotate,
                   attention_rotate_back, attention_forward,
                   attention_backward },
    .feedforward = { feedforward_forward, feedforward_backward },
    .loss = { loss_forward, loss_backward },
    .streams = { streams_add, streams_cross, streams_cross_backward },
    .optimizer = { .sum_of_squares = sum_of_squares,
                   .step = optimizer_step },
    .mixing = {
        // Mixing on the cpu
        .expand = mixing_expand, .expand_backward = mixing_expand_backward,
        .collapse = mixing_collapse,
        .collapse_backward = mixing_collapse_backward,
        .coefficients = mixing_coefficients,
        .coefficients_backward = mixing_coefficients_backward,
        .read = mixing_read, .read_backward = mixing_read_backward,
        .write = mixing_write, .write_backward = mixing_write_backward,
        .cross = mixing_cross, .cross_backward = mixing_cross_backward,
    },
};
