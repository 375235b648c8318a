#define SIXTEEN
#include "layers/eight.h"
#include "layers/operand.cuh"
#include "layers/optimizer.cuh"

/* a square of weights, and its moments; all begin at the matrix */
static __global__ void __launch_bounds__(256)
move_kernel(float *weight, float *first, float *second,
            const float *gradient, const in_sixteen::update *update,
            bool decays, struct operand o)
{
    __shared__ struct square s;
    size_t i = blockIdx.y * (size_t)SIDE, j = blockIdx.x * (size_t)SIDE;
    in_sixteen::update u = *update;
    if (!u.moves)
        return;
    for (int n = threadIdx.x; n < SIDE * SIDE; n += 256) {
        size_t k = (i + n / SIDE) * o.columns + j + n % SIDE;
        struct sixteen w = move_weight(u, decays, &weight[k],
                                       &first[k], &second[k],
                                       gradient[k]);
        s.at[n / SIDE][n % SIDE] = w.bits;
    }
    __syncthreads();
    unsigned lost = find_largest<true>(&s);
    write_images<true>(s, o, i, j, lost);
}

/* the part that this segment is, if it is images; else NULL */
static const struct array *part_of(struct array working,
                                   struct segment s)
{
    const char *at = (const char *)working.at + 2 * s.first;
    for (size_t k = 0; k < working.parts; k++)
        if (working.part[k].format == IMAGES
            && working.part[k].at == at)
            return &working.part[k];
    return NULL;
}

void eight_gpu_copy(struct device *d, struct array to,
                    struct array from)
{
    gpu_operations.copy(d, to, from);
    for (size_t k = 0; k < to.parts; k++)
        gpu_images(d, to.part[k], to.part[k].rows);
}

void eight_gpu_step(struct device *d, struct array weight,
                    struct array working, struct array first,
                    struct array second, struct array gradient,
                    struct array sum, struct array adamw,
                    const struct segment *segment, size_t segments)
{
    enum { SOME = 64 };
    for (size_t begin = 0; begin < segments; begin += SOME) {
        struct segment other[SOME];
        size_t end = min(segments, begin + SOME), others = 0;
        for (size_t k = begin; k < end; k++)
            if (d->eight.apart || part_of(working, segment[k]) == NULL)
                other[others++] = segment[k];
        in_sixteen::gpu_step(d, weight, working, first, second,
                             gradient, sum, adamw, other, others);
    }
    if (d->eight.apart) {
        eight_gpu_copy(d, working, weight);
        return;
    }
    const in_sixteen::update *u
        = (const in_sixteen::update *)device_scratch(d, sizeof *u);
    for (size_t k = 0; u != NULL && k < segments; k++) {
        struct segment s = segment[k];
        const struct array *part = part_of(working, s);
        if (part == NULL)
            continue;
        struct operand o = gpu_operand(d, *part, part->rows);
        dim3 grid(blocks_for(o.columns, SIDE),
                  blocks_for(o.rows, SIDE));
        move_kernel<<<grid, 256, 0, stream_of(d)>>>(
            floats(weight) + s.first, floats(first) + s.first,
            floats(second) + s.first, floats(gradient) + s.first, u,
            s.decay, o);
        gpu_launched(d, "move_kernel");
    }
}
