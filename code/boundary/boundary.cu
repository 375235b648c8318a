#include "boundary/boundary.cuh"
#include "boundary/boundary.h"
#include "boundary/mixing.cuh"
#include "device/gpu.cuh"
#include "layers/norm.cuh"
// Headers of the gpu's boundary
#ifdef SIXTEEN
#include "boundary/cross.cuh"
#endif
#include "layers/image.cuh"

KEPT_BEGIN
// The residual's two kernels
static __global__ void add_kernel(kept *out, const kept *a,
                                  const kept *b, size_t count)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < count)
        out[i] = a[i] + b[i];
}

/* the same to both */
static __global__ void share_kernel(kept *a, kept *b, const kept *x,
                                    size_t count)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < count)
        a[i] = b[i] = x[i];
}

// What the gpu cannot cross
static bool can_cross(struct device *d, const struct site *s)
{
    if (s->layout.mix != MIX_OWN)
        return true;
    device_fail(d, EX_UNAVAILABLE, "gpu: a mix of your own runs on the "
                "cpu only");
    return false;
}

static float exit_scale(const struct site *s)
{
    return s->mean ? 1 / (float)s->streams : 1;
}

// Arrive at a site on the gpu
// Rounding what the gpu read
#ifndef SIXTEEN
static __global__ void settle_kernel(float *x, size_t count)
{
    size_t i = blockIdx.x * (size_t)blockDim.x + threadIdx.x;
    if (i < count)
        x[i] = sixteen(x[i]);
}

static void settle_input(struct device *d, const struct site *s)
{
    size_t count = s->tokens * s->width;
    if (!s->settle)
        return;
    settle_kernel<<<blocks_for(count, 256), 256, 0, stream_of(d)>>>(
        floats(s->input), count);
    gpu_launched(d, "settle_kernel");
}
#endif
static void arrive(struct device *d, const struct site *s)
{
    const struct layout *l = &s->layout;
    kept *x = numbers(s->stream);
    float *row = floats(s->coefficients);
    if (l->mix != MIX_NONE && s->exit)
        gpu_collapse(d, numbers(s->input), x, exit_scale(s), l,
                     s->tokens);
    else if (l->mix != MIX_NONE) {
        gpu_coefficients(d, row, x, floats(s->phi), floats(s->alpha),
                         floats(s->bias), l, s->tokens);
        gpu_read(d, numbers(s->input), x, row, l, s->tokens);
    }
    // Settle what the gpu read
    #ifndef SIXTEEN
    settle_input(d, s);
    #endif
    gpu_norm_forward(d, numbers(s->normed), floats(s->inverse_rms),
                     numbers(s->input), floats(s->gain), s->tokens,
                     s->width);
}

// Arrive, backward, on the gpu
/* floats for the norm, then for the coefficients: one is done before
   the other begins */
size_t gpu_boundary_work(const struct site *s)
{
    size_t norm = gpu_norm_work(s->tokens, s->width), mix = 0;
    if (s->layout.mix != MIX_NONE && !s->exit)
        mix = gpu_coefficients_work(&s->layout);
    return (norm > mix ? norm : mix) * sizeof(float);
}

static void arrive_backward(struct device *d, const struct site *s,
                            float *work)
{
    const struct layout *l = &s->layout;
    kept *x = numbers(s->stream), *dx = numbers(s->dstream);
    kept *dread = numbers(s->dinput);
    float *row = floats(s->coefficients);
    float *drow = floats(s->dcoefficients);
    // Look again on the gpu, if that is needed
    if (s->again && l->mix != MIX_NONE) {
        if (s->exit)
            gpu_collapse(d, numbers(s->input), x, exit_scale(s), l,
                         s->tokens);
        else
            gpu_read(d, numbers(s->input), x, row, l, s->tokens);
        // Settle what the gpu read
        #ifndef SIXTEEN
        settle_input(d, s);
        #endif
    }
    gpu_norm_backward(d, dread, floats(s->dgain), work,
                      numbers(s->dnormed), numbers(s->input),
                      floats(s->inverse_rms), floats(s->gain),
                      s->tokens, s->width, dread == dx);
    if (l->mix != MIX_NONE && s->exit)
        gpu_collapse_backward(d, dx, dread, exit_scale(s), l,
                              s->tokens);
    else if (l->mix != MIX_NONE) {
        gpu_read_backward(d, l->outputs > 0 ? NULL : dx, drow, dread, x,
                          row, l, s->tokens);
        gpu_coefficients_backward(
            d, dx, floats(s->dphi), floats(s->dalpha), floats(s->dbias),
            drow, work, dread, x, row, floats(s->phi), floats(s->alpha),
            floats(s->bias), l, s->tokens);
    }
}

// Cross a boundary on the gpu
void gpu_write_next(struct device *d, const struct site *from,
                    const struct site *to)
{
    size_t count = to->tokens * to->width;
    if (from->layout.mix != MIX_NONE)
        gpu_write(d, numbers(to->stream), numbers(from->stream),
                  numbers(from->answer), floats(from->coefficients),
                  &from->layout, to->tokens);
    else {
        add_kernel<<<blocks_for(count, 256), 256, 0, stream_of(d)>>>(
            numbers(to->stream), numbers(from->stream),
            numbers(from->answer), count);
        gpu_launched(d, "add_kernel");
    }
}

void gpu_cross(struct device *d, const struct site *from,
               const struct site *to)
{
    if (!can_cross(d, to) || d->planning || to->tokens == 0)
        return;
    // Cross at once, where that can be
    #ifdef SIXTEEN
    if (!to->apart && gpu_cross_at_once(d, from, to, 0))
        return;
    #endif
    if (from != NULL)
        gpu_write_next(d, from, to);
    // Settle what the gpu wrote
    #ifndef SIXTEEN
    if (to->settle && from != NULL) {
        d->does->copy(d, to->kept, to->stream);
        d->does->copy(d, to->stream, to->kept);
    }
    #endif
    arrive(d, to);
    // Let products have what the gpu crossed
    #ifdef SIXTEEN
    gpu_images(d, to->normed, to->tokens);
    #endif
}

// Cross a boundary backward on the gpu
// Make streams again on the gpu
static void make_again(struct device *d, const struct site *s)
{
    if (s->behind == NULL)
        return;
    make_again(d, s->behind);
    gpu_write_next(d, s->behind, s);
}

void gpu_cross_backward(struct device *d, const struct site *from,
                        const struct site *to)
{
    size_t count = to->tokens * to->width;
    if (!can_cross(d, to) || to->tokens == 0)
        return;
    // Cross back at once, where that can be
    #ifdef SIXTEEN
    if (from != NULL && !to->apart && crosses_at_once(d, from, to)) {
        struct way_back way = gpu_way_back(gpu_room_for_tiles(d), to);
        size_t bytes = gpu_cross_work(to, way) * sizeof(float);
        float *room = (float *)device_scratch(d, bytes);
        if (room != NULL)           /* else planning, or no memory */
            gpu_cross_back_at_once(d, from, to, way, room);
        return;
    }
    #endif
    float *work = (float *)device_scratch(d, gpu_boundary_work(to));
    if (work == NULL)           /* planning, or no memory */
        return;
    // Make again what the gpu did not keep
    if (to->again)
        make_again(d, last_again(from, to));
    if (to->exit)
        gpu_check(d, cudaMemsetAsync(to->dstream.at, 0,
                                     to->streams * count
                                     * sizeof(kept), stream_of(d)),
                  "zero");
    arrive_backward(d, to, work);
    if (from != NULL && from->layout.mix != MIX_NONE)
        gpu_write_backward(d, numbers(from->dstream),
                           numbers(from->danswer),
                           floats(from->dcoefficients),
                           numbers(to->dstream), numbers(from->stream),
                           numbers(from->answer),
                           floats(from->coefficients), &from->layout,
                           to->tokens);
    else if (from != NULL) {
        share_kernel<<<blocks_for(count, 256), 256, 0, stream_of(d)>>>(
            numbers(from->dstream), numbers(from->danswer),
            numbers(to->dstream), count);
        gpu_launched(d, "share_kernel");
    }
    // Let products have what the gpu crossed back
    #ifdef SIXTEEN
    if (from != NULL)
        gpu_images(d, from->danswer, to->tokens);
    #endif
}

// Enter on the gpu
void gpu_enter(struct device *d, const struct site *first,
               struct array vector)
{
    if (first->tokens > 0)
        gpu_expand(d, numbers(first->stream), numbers(vector),
                   &first->layout, first->tokens);
}

void gpu_enter_backward(struct device *d, struct array dvector,
                        const struct site *first)
{
    if (first->tokens > 0)
        gpu_collapse(d, numbers(dvector), numbers(first->dstream), 1,
                     &first->layout, first->tokens);
}
KEPT_END
