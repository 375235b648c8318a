#include "layers/layers.cuh"

// A sum of exponentials
/* the sum of exp(x), as sum * exp(most) */
struct share { float most, sum; };

static __device__ struct share join(struct share a, struct share b)
{
    struct share more = a.most < b.most ? b : a;
    struct share less = a.most < b.most ? a : b;
    if (more.most == less.most)
        more.sum += less.sum;
    else
        more.sum += less.sum * expf(less.most - more.most);
    return more;
}

// The loss, forward, on the gpu
static __global__ void loss(float *each, float *lse,
                            const float *logits, const token *target,
                            size_t T, size_t V)
{
    size_t t = row_of_warp();
    if (t >= T)
        return;
    const float *row = logits + t * V;
    struct share all = { -INFINITY, 0 };
    for (size_t v = threadIdx.x % 32; v < V; v += 32)
        all = join(all, { row[v], 1 });
    for (int distance = 16; distance > 0; distance /= 2)
        all = join(all, {
            __shfl_xor_sync(0xffffffffu, all.most, distance),
            __shfl_xor_sync(0xffffffffu, all.sum, distance) });
    if (threadIdx.x % 32 == 0) {
        float rest = logf(all.sum);
        lse[t] = all.most + rest;
        each[t] = rest + (all.most - row[target[t]]);
    }
}

void gpu_loss(struct device *d, struct array each, struct array lse,
              struct array logits, struct array target)
{
    if (each.rows == 0)
        return;
    loss<<<blocks_for(each.rows, WARPS), THREADS, 0, stream_of(d)>>>(
        floats(each), floats(lse), floats(logits), tokens_of(target),
        each.rows, logits.columns);
    gpu_launched(d, "loss");
}

// The loss, backward, on the gpu
static __global__ void loss_back(float *logits, const float *lse,
                                 const token *target, float scale,
                                 size_t T, size_t V)
{
    size_t t = row_of_warp();
    if (t >= T)
        return;
    float *row = logits + t * V, all = lse[t];
    size_t right = (size_t)target[t];
    for (size_t v = threadIdx.x % 32; v < V; v += 32)
        row[v] = scale * expf(row[v] - all) - (v == right ? scale : 0);
}

void gpu_loss_backward(struct device *d, struct array logits,
                       struct array lse, struct array target,
                       double scale)
{
    if (logits.rows == 0)
        return;
    loss_back<<<blocks_for(logits.rows, WARPS), THREADS, 0,
                stream_of(d)>>>(
        floats(logits), floats(lse), tokens_of(target), (float)scale,
        logits.rows, logits.columns);
    gpu_launched(d, "loss_back");
}

// The mean, on the gpu
static __global__ void mean(double *sum, const float *each, size_t T,
                            double scale, bool add)
{
    double mine = 0;
    for (size_t t = threadIdx.x; t < T; t += THREADS)
        mine += (double)each[t];
    double all = block_sum<THREADS>(mine);
    if (threadIdx.x == 0)
        *sum = (add ? *sum : 0) + scale * (all / (double)T);
}

void gpu_mean(struct device *d, struct array sum, struct array each,
              double scale, bool add)
{
    mean<<<1, THREADS, 0, stream_of(d)>>>(
        doubles(sum), floats(each), each.rows, scale, add);
    gpu_launched(d, "mean");
}
