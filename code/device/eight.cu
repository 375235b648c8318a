#include "device/eight.h"
#include "boundary/boundary.cuh"
#include "boundary/chunks.h"
#include "boundary/cross_eight.cuh"
#include "device/gpu.cuh"
#include "layers/image.cuh"
#include "layers/layers.cuh"

/* an array of floats in the workspace */
static struct array in_floats(struct device *d, struct array a)
{
    a.format = F32;
    a.at = device_scratch(d, array_bytes(a));
    return a;
}

void eight_gpu_embed(struct device *d, struct array out,
                     struct array id, struct array w)
{
    struct array wide = in_floats(d, out);
    if (wide.at == NULL)
        return;
    gpu_embed(d, wide, id, w);
    d->does->copy(d, out, wide);
}

void eight_gpu_embed_backward(struct device *d, struct array dw,
                              struct array dout, struct array id)
{
    struct array wide = in_floats(d, dout);
    if (wide.at == NULL)
        return;
    d->does->copy(d, wide, dout);
    gpu_embed_backward(d, dw, wide, id);
}

static const struct wide wide = {
    gpu_cross, gpu_cross_backward, gpu_enter, gpu_enter_backward,
    gpu_boundary_work, 1024, false, gpu_write_next };

/* one kernel each way, or none */
static bool at_once(struct device *d, const struct site *to)
{
    return !to->apart && gpu_blocks_eight(d, to, false, 0) > 0
        && gpu_blocks_eight(d, to, true, 0) > 0;
}

void eight_gpu_cross(struct device *d, const struct site *from,
                     const struct site *to)
{
    struct site bare = *to;
    if (at_once(d, to) && gpu_cross_eight(d, from, to, 0))
        return;
    bare.normed.format = as_numbers(to->normed.format);
    chunks_cross(d, from, &bare, &wide);
    gpu_images(d, to->normed, to->tokens);
}

void eight_gpu_cross_backward(struct device *d, const struct site *from,
                              const struct site *to)
{
    if (at_once(d, to) && gpu_cross_back_eight(d, from, to, 0))
        return;
    if (from == NULL) {
        chunks_cross_backward(d, NULL, to, &wide);
        return;
    }
    struct site bare = *from;
    bare.danswer.format = as_numbers(from->danswer.format);
    chunks_cross_backward(d, &bare, to, &wide);
    gpu_images(d, from->danswer, to->tokens);
}

void eight_gpu_enter(struct device *d, const struct site *first,
                     struct array vector)
{
    chunks_enter(d, first, vector, &wide);
}

void eight_gpu_enter_backward(struct device *d, struct array dvector,
                              const struct site *first)
{
    chunks_enter_backward(d, dvector, first, &wide);
}

void eight_gpu_place(struct device *d)
{
    const struct gpu *g = (const struct gpu *)d->state;
    const uint32_t now[4] = { (uint32_t)d->eight.seed,
        (uint32_t)(d->eight.seed >> 32), d->eight.step,
        d->eight.tokens };
    gpu_check(d, cudaMemcpyAsync(g->now, now, sizeof now,
                                 cudaMemcpyHostToDevice, g->stream),
              "place");
}
