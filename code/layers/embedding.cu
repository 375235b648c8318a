#include "layers/layers.cuh"
KEPT_BEGIN

// Look up the words, on the gpu
static __global__ void embed(kept *out, const token *id,
                             const float *w, size_t C)
{
    const float *word = w + (size_t)id[blockIdx.x] * C;
    for (size_t c = threadIdx.x; c < C; c += THREADS)
        out[blockIdx.x * C + c] = word[c];
}

void gpu_embed(struct device *d, struct array out, struct array id,
               struct array w)
{
    if (out.rows == 0)
        return;
    embed<<<(unsigned)out.rows, THREADS, 0, stream_of(d)>>>(
        numbers(out), tokens_of(id), floats(w), out.columns);
    gpu_launched(d, "embed");
}

// Add up what the words are told, on the gpu
static __global__ void embed_back(float *dw, const kept *dout,
                                  const token *id, size_t T, size_t C)
{
    __shared__ unsigned found[WARPS];   /* a bit a token */
    __shared__ size_t list[THREADS];
    size_t c = (size_t)blockIdx.y * THREADS + threadIdx.x;
    size_t place = blockIdx.x * C + c;
    float sum = c < C ? dw[place] : 0;
    bool any = false;
    for (size_t begin = 0; begin < T; begin += THREADS) {
        // List the tokens from begin on that are this word
        size_t t = begin + threadIdx.x;
        bool mine = t < T && id[t] == (token)blockIdx.x;
        if (!__syncthreads_or(mine))
            continue;
        any = true;
        unsigned warp = threadIdx.x / 32, lane = threadIdx.x % 32;
        unsigned bits = __ballot_sync(0xffffffffu, mine);
        if (lane == 0)
            found[warp] = bits;
        __syncthreads();
        int before = __popc(bits & ((1u << lane) - 1)), count = 0;
        for (unsigned w = 0; w < WARPS; w++) {
            before += w < warp ? __popc(found[w]) : 0;
            count += __popc(found[w]);
        }
        if (mine)
            list[before] = t;
        __syncthreads();
        // Add their gradients in order
        if (c < C)
            #pragma unroll 4
            for (int i = 0; i < count; i++)
                sum += dout[list[i] * C + c];
    }
    if (any && c < C)
        dw[place] = sum;
}

void gpu_embed_backward(struct device *d, struct array dw,
                        struct array dout, struct array id)
{
    if (dout.rows == 0)
        return;
    dim3 grid((unsigned)dw.rows, blocks_for(dw.columns, THREADS));
    embed_back<<<grid, THREADS, 0, stream_of(d)>>>(
        floats(dw), numbers(dout), tokens_of(id), dout.rows,
        dw.columns);
    gpu_launched(d, "embed_back");
}
KEPT_END
