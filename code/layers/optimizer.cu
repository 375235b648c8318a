#include "layers/optimizer.cuh"
KEPT_BEGIN

// The length of the gradient, on the gpu
static __global__ void squares(double *part, const float *x,
                               size_t count)
{
    size_t end = (blockIdx.x + 1) * count / gridDim.x;
    double sum = 0;
    for (size_t i = blockIdx.x * count / gridDim.x + threadIdx.x;
         i < end; i += THREADS)
        sum += (double)x[i] * (double)x[i];
    sum = block_sum<THREADS>(sum);
    if (threadIdx.x == 0)
        part[blockIdx.x] = sum;
}

static __global__ void root(double *norm, const double *part,
                            unsigned parts)
{
    double sum = 0;
    for (unsigned i = threadIdx.x; i < parts; i += THREADS)
        sum += part[i];
    sum = block_sum<THREADS>(sum);
    if (threadIdx.x == 0)
        *norm = sqrt(sum);
}

void gpu_gradient_norm(struct device *d, struct array sum,
                       struct array gradient)
{
    size_t count = gradient.columns;
    unsigned parts = blocks_for(count, 8 * THREADS);
    parts = min(parts, 1024u);      /* by the count, not the machine */
    double *part = (double *)device_scratch(d, parts * sizeof(double));
    if (part == NULL)
        return;
    squares<<<parts, THREADS, 0, stream_of(d)>>>(part,
                                                 floats(gradient),
                                                 count);
    gpu_launched(d, "squares");
    root<<<1, THREADS, 0, stream_of(d)>>>(doubles(sum) + 1, part,
                                          parts);
    gpu_launched(d, "root");
}

// Prepare an update
static __global__ void prepare(struct update *u, const double *sum,
                               const double *set)
{
    double beta1 = set[ADAMW_BETA1], beta2 = set[ADAMW_BETA2];
    double norm = sum[1], clip = set[ADAMW_CLIP];
    u->old1 = (float)beta1;
    u->new1 = (float)(1 - beta1);
    u->old2 = (float)beta2;
    u->new2 = (float)(1 - beta2);
    u->correct1 = (float)(1 / (1 - pow(beta1, set[ADAMW_STEP])));
    u->correct2 = (float)(1 / (1 - pow(beta2, set[ADAMW_STEP])));
    u->rate = (float)set[ADAMW_RATE];
    u->decay = (float)set[ADAMW_DECAY];
    u->epsilon = (float)set[ADAMW_EPSILON];
    u->scale = (float)(clip > 0 && norm > clip ? clip / norm : 1);
    u->moves = isfinite(sum[0]) && isfinite(norm);
}

// The update, on the gpu
enum { MOST = 128 };    /* segments of a launch: 4 KB of arguments */
struct segments { struct segment list[MOST]; };

static __global__ void step(float *weight, kept *working, float *first,
                            float *second, const float *gradient,
                            const struct update *update,
                            const __grid_constant__ segments all)
{
    struct update u = *update;
    const struct segment &s = all.list[blockIdx.y];
    if (!u.moves)
        return;
    for (size_t n = (size_t)blockIdx.x * THREADS + threadIdx.x;
         n < s.count; n += (size_t)gridDim.x * THREADS) {
        size_t i = s.first + n;
        float w = move_weight(u, s.decay, &weight[i], &first[i],
                              &second[i], gradient[i]);
        if (sizeof(kept) < sizeof(float))
            working[i] = w;             /* else it is the weight */
    }
}

void gpu_step(struct device *d, struct array weight,
              struct array working, struct array first,
              struct array second, struct array gradient,
              struct array sum, struct array adamw,
              const struct segment *segment, size_t segments)
{
    struct update *u = (struct update *)device_scratch(d, sizeof *u);
    assert(working.format != F32 || working.at == weight.at);
    if (u == NULL)
        return;
    prepare<<<1, 1, 0, stream_of(d)>>>(u, doubles(sum),
                                       doubles(adamw));
    gpu_launched(d, "prepare");
    for (size_t begin = 0; begin < segments; begin += MOST) {
        struct segments some = { };
        size_t count = min(segments - begin, (size_t)MOST), most = 1;
        for (size_t k = 0; k < count; k++) {
            some.list[k] = segment[begin + k];
            most = max(most, some.list[k].count);
        }
        dim3 grid(min(blocks_for(most, THREADS), 1024u),
                  (unsigned)count);
        step<<<grid, THREADS, 0, stream_of(d)>>>(
            floats(weight), numbers(working), floats(first),
            floats(second), floats(gradient), u, some);
        gpu_launched(d, "step");
    }
}
KEPT_END
