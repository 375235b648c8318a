#include "layers/layers.cuh"
// Headers of more attention
#include "layers/attention16.h"
KEPT_BEGIN

// Turn queries and keys, on the gpu
/* a block for each row that asks; direction -1: back */
static __global__ void turn(kept *qkv, const float *cosine,
                            const float *sine, float direction,
                            struct attention_shape s)
{
    size_t half = s.head_size / 2, t = blockIdx.x;
    size_t position = s.first + t % s.length;
    size_t before = t / s.length * (s.first + s.length);
    kept *x = qkv + (before + position) * 3 * s.heads * s.head_size;
    for (size_t n = threadIdx.x; n < 2 * s.heads * half; n += THREADS) {
        size_t i = n % half;
        float c = cosine[position * half + i];
        float r = direction * sine[position * half + i];
        kept *a = x + n / half * s.head_size + i, *b = a + half;
        float old = *a;
        *a = old * c - *b * r;
        *b = old * r + *b * c;
    }
}

static void turn_all(struct device *d, struct array qkv,
                     struct array rotation, float direction,
                     const struct attention_shape *s)
{
    const float *cosine = floats(rotation);
    turn<<<(unsigned)(s->sequences * s->length), THREADS, 0,
           stream_of(d)>>>(numbers(qkv), cosine,
                           cosine + rotation.columns, direction, *s);
    gpu_launched(d, "turn");
}

// Tiles of attention
enum { ACROSS = 16 };   /* threads across a tile, and down */

/* which rows of which head are this block's, of a size of TILE */
template <int TILE>
struct work {
    size_t sequence, head, row, tiles, size, width, step;
    int down, over;     /* of this thread */
    __device__ work(const struct attention_shape &s)
    {
        tiles = (s.length + TILE - 1) / TILE;
        size_t task = blockIdx.x / tiles;
        sequence = task / s.heads;
        head = task % s.heads;
        row = blockIdx.x % tiles * TILE;
        size = s.head_size;
        width = s.heads * size;
        step = 3 * width;
        down = threadIdx.x / ACROSS;
        over = threadIdx.x % ACROSS;
    }
};

/* rows of `size` numbers, `step` apart, to rows of CHANNELS; zeros
   where there are none */
template <int TILE, int CHANNELS>
static __device__ void fetch(float *tile, const kept *from,
                             size_t step, size_t rows, size_t size)
{
    for (int n = threadIdx.x; n < TILE * CHANNELS; n += THREADS) {
        size_t row = n / CHANNELS, c = n % CHANNELS;
        tile[row * (CHANNELS + 4) + c] =
            row < rows && c < size ? (float)from[row * step + c] : 0;
    }
}

template <int TILE, int CHANNELS>
static __device__ void write_rows(
    kept *to, float sum[TILE / ACROSS][CHANNELS / ACROSS],
    float scale, size_t step, size_t rows, size_t size)
{
    for (int i = 0; i < TILE / ACROSS; i++)
        for (int j = 0; j < CHANNELS / ACROSS; j++) {
            size_t row = threadIdx.x / ACROSS + ACROSS * i;
            size_t c = threadIdx.x % ACROSS + ACROSS * j;
            if (row < rows && c < size)
                to[row * step + c] = scale * sum[i][j];
        }
}

// Multiply rows by rows
/* s[i][j] = row down + 16 i of a times row over + 16 j of b */
template <int TILE, int CHANNELS>
static __device__ void dots(float s[TILE / ACROSS][TILE / ACROSS],
                            const float *a, const float *b)
{
    constexpr int MANY = TILE / ACROSS, ROW = CHANNELS + 4;
    a += threadIdx.x / ACROSS * ROW;
    b += threadIdx.x % ACROSS * ROW;
    for (int i = 0; i < MANY; i++)
        for (int j = 0; j < MANY; j++)
            s[i][j] = 0;
    #pragma unroll 2
    for (int c = 0; c < CHANNELS; c += 4) {
        float4 x[MANY], y[MANY];
        for (int i = 0; i < MANY; i++) {
            x[i] = *(const float4 *)&a[i * ACROSS * ROW + c];
            y[i] = *(const float4 *)&b[i * ACROSS * ROW + c];
        }
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j < MANY; j++)
                s[i][j] += x[i].x * y[j].x + x[i].y * y[j].y
                         + x[i].z * y[j].z + x[i].w * y[j].w;
    }
}

// Multiply a tile by rows
/* sum[i][j] += row down + 16 i of p times column over + 16 j of b */
template <int TILE, int CHANNELS>
static __device__ void gather(
    float sum[TILE / ACROSS][CHANNELS / ACROSS], const float *p,
    const float *b)
{
    constexpr int MANY = TILE / ACROSS, ROW = CHANNELS + 4;
    p += threadIdx.x / ACROSS * (TILE + 4);
    b += threadIdx.x % ACROSS;
    #pragma unroll 2
    for (int k = 0; k < TILE; k += 4) {
        float4 w[MANY];
        for (int i = 0; i < MANY; i++)
            w[i] = *(const float4 *)&p[i * ACROSS * (TILE + 4) + k];
        for (int j = 0; j < CHANNELS / ACROSS; j++) {
            const float *v = b + k * ROW + j * ACROSS;
            for (int i = 0; i < MANY; i++)
                sum[i][j] += w[i].x * v[0] + w[i].y * v[ROW]
                           + w[i].z * v[2 * ROW] + w[i].w * v[3 * ROW];
        }
    }
}

// Let a tile of queries ask
template <int TILE, int CHANNELS>
static __global__ void __launch_bounds__(THREADS, 2)
attend(kept *out, float *lse, const kept *qkv,
       struct attention_shape s, float scale)
{
    constexpr int MANY = TILE / ACROSS, PARTS = CHANNELS / ACROSS;
    extern __shared__ __align__(16) float memory[];
    float *q = memory, *k = q + TILE * (CHANNELS + 4);
    float *v = k + TILE * (CHANNELS + 4);
    float *p = v + TILE * (CHANNELS + 4);
    struct work<TILE> at(s);
    const kept *from = qkv + at.head * at.size + at.sequence
                      * (s.first + s.length) * at.step;
    float most[MANY], sum[MANY] = { }, mean[MANY][PARTS] = { };
    for (int i = 0; i < MANY; i++)
        most[i] = -INFINITY;
    fetch<TILE, CHANNELS>(q, from + (s.first + at.row) * at.step,
                          at.step, s.length - at.row, at.size);
    size_t keys = s.first + min(at.row + TILE, s.length);
    for (size_t key = 0; key < keys; key += TILE) {
        const kept *row = from + key * at.step + at.width;
        fetch<TILE, CHANNELS>(k, row, at.step, keys - key, at.size);
        fetch<TILE, CHANNELS>(v, row + at.width, at.step, keys - key,
                              at.size);
        __syncthreads();
        float score[MANY][MANY];
        dots<TILE, CHANNELS>(score, q, k);
        // Weigh these keys, and what came before them
        for (int i = 0; i < MANY; i++) {
            int row = at.down + ACROSS * i;
            float old = most[i];
            for (int j = 0; j < MANY; j++) {
                bool seen = key + at.over + ACROSS * j
                         <= s.first + at.row + row;
                score[i][j] = seen ? scale * score[i][j] : -INFINITY;
                most[i] = fmaxf(most[i], score[i][j]);
            }
            for (int distance = ACROSS / 2; distance > 0; distance /= 2)
                most[i] = fmaxf(most[i], __shfl_xor_sync(0xffffffffu, most[i],
                                                         distance));
            float shrink = expf(old - most[i]);
            sum[i] *= shrink;
            for (int j = 0; j < PARTS; j++)
                mean[i][j] *= shrink;
            for (int j = 0; j < MANY; j++) {
                float weight = expf(score[i][j] - most[i]);
                sum[i] += weight;
                p[row * (TILE + 4) + at.over + ACROSS * j] = weight;
            }
        }
        __syncwarp();
        gather<TILE, CHANNELS>(mean, p, v);
        __syncthreads();
    }
    // Write the answers of the tile
    for (int i = 0; i < MANY; i++) {
        size_t row = at.row + at.down + ACROSS * i;
        size_t asking = at.sequence * s.length + row;
        for (int distance = ACROSS / 2; distance > 0; distance /= 2)
            sum[i] += __shfl_xor_sync(0xffffffffu, sum[i], distance);
        if (row >= s.length)
            continue;
        for (int j = 0; j < PARTS; j++) {
            size_t c = at.over + ACROSS * j;
            if (c < at.size)
                out[asking * at.width + at.head * at.size + c] =
                    mean[i][j] / sum[i];
        }
        if (at.over == 0)
            lse[asking * s.heads + at.head] = most[i] + logf(sum[i]);
    }
}

// Multiply the rows of dout and out
/* along[t][head] = dout times out */
static __global__ void multiply_rows(float *along, const kept *dout,
                                     const kept *out, size_t rows,
                                     size_t size)
{
    size_t row = row_of_warp();
    float sum = 0;
    if (row >= rows)
        return;
    for (size_t c = threadIdx.x % 32; c < size; c += 32)
        sum += dout[row * size + c] * out[row * size + c];
    sum = warp_sum(sum);
    if (threadIdx.x % 32 == 0)
        along[row] = sum;
}

// What the queries are told
template <int TILE, int CHANNELS>
static __global__ void __launch_bounds__(THREADS, 2)
attend_back_q(kept *dqkv, const kept *dout, const kept *qkv,
              const float *lse, const float *along,
              struct attention_shape s, float scale)
{
    constexpr int MANY = TILE / ACROSS, PARTS = CHANNELS / ACROSS;
    extern __shared__ __align__(16) float memory[];
    float *q = memory, *dy = q + TILE * (CHANNELS + 4);
    float *k = dy + TILE * (CHANNELS + 4);
    float *v = k + TILE * (CHANNELS + 4);
    float *ds = v + TILE * (CHANNELS + 4);
    struct work<TILE> at(s);
    size_t asking = at.sequence * s.length, head = at.head * at.size;
    const kept *from = qkv + asking * at.step + head;
    float all[MANY], d[MANY], dq[MANY][PARTS] = { };
    for (int i = 0; i < MANY; i++) {
        size_t row = at.row + at.down + ACROSS * i;
        size_t n = (asking + row) * s.heads + at.head;
        all[i] = row < s.length ? lse[n] : INFINITY;
        d[i] = row < s.length ? along[n] : 0;
    }
    fetch<TILE, CHANNELS>(q, from + at.row * at.step, at.step,
                          s.length - at.row, at.size);
    fetch<TILE, CHANNELS>(dy, dout + (asking + at.row) * at.width
                          + head, at.width, s.length - at.row, at.size);
    for (size_t key = 0; key <= at.row; key += TILE) {
        const kept *row = from + key * at.step + at.width;
        fetch<TILE, CHANNELS>(k, row, at.step, s.length - key, at.size);
        fetch<TILE, CHANNELS>(v, row + at.width, at.step,
                              s.length - key, at.size);
        __syncthreads();
        float score[MANY][MANY], dp[MANY][MANY];
        dots<TILE, CHANNELS>(score, q, k);
        dots<TILE, CHANNELS>(dp, dy, v);
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j < MANY; j++) {
                int mine = at.down + ACROSS * i;
                int other = at.over + ACROSS * j;
                bool seen = key + other <= at.row + mine;
                float p = seen ? expf(scale * score[i][j] - all[i]) : 0;
                ds[mine * (TILE + 4) + other] = p * (dp[i][j] - d[i]);
            }
        __syncwarp();
        gather<TILE, CHANNELS>(dq, ds, k);
        __syncthreads();
    }
    write_rows<TILE, CHANNELS>(dqkv + (asking + at.row) * at.step
                               + head, dq, scale, at.step,
                               s.length - at.row, at.size);
}

// What keys and values are told
template <int TILE, int CHANNELS>
static __global__ void __launch_bounds__(THREADS, 2)
attend_back_kv(kept *dqkv, const kept *dout, const kept *qkv,
               const float *lse, const float *along,
               struct attention_shape s, float scale)
{
    constexpr int MANY = TILE / ACROSS, PARTS = CHANNELS / ACROSS;
    extern __shared__ __align__(16) float memory[];
    float *k = memory, *v = k + TILE * (CHANNELS + 4);
    float *q = v + TILE * (CHANNELS + 4);
    float *dy = q + TILE * (CHANNELS + 4);
    float *p = dy + TILE * (CHANNELS + 4);
    struct work<TILE> at(s);
    size_t asking = at.sequence * s.length, head = at.head * at.size;
    const kept *from = qkv + asking * at.step + head;
    float dk[MANY][PARTS] = { }, dv[MANY][PARTS] = { };
    fetch<TILE, CHANNELS>(k, from + at.row * at.step + at.width,
                          at.step, s.length - at.row, at.size);
    fetch<TILE, CHANNELS>(v, from + at.row * at.step + 2 * at.width,
                          at.step, s.length - at.row, at.size);
    for (size_t query = at.row; query < s.length; query += TILE) {
        fetch<TILE, CHANNELS>(q, from + query * at.step, at.step,
                              s.length - query, at.size);
        fetch<TILE, CHANNELS>(dy, dout + (asking + query) * at.width
                              + head, at.width, s.length - query,
                              at.size);
        __syncthreads();
        float score[MANY][MANY], ds[MANY][MANY];
        dots<TILE, CHANNELS>(score, k, q);
        dots<TILE, CHANNELS>(ds, v, dy);
        // Let p be the probabilities, ds the scores' gradients
        for (int j = 0; j < MANY; j++) {
            size_t t = query + at.over + ACROSS * j;
            size_t n = (asking + t) * s.heads + at.head;
            float all = t < s.length ? lse[n] : INFINITY;
            float d = t < s.length ? along[n] : 0;
            for (int i = 0; i < MANY; i++) {
                int mine = at.down + ACROSS * i;
                bool seen = at.row + mine <= t;
                float weight = seen ? expf(scale * score[i][j] - all) : 0;
                p[mine * (TILE + 4) + at.over + ACROSS * j] = weight;
                ds[i][j] = weight * (ds[i][j] - d);
            }
        }
        __syncwarp();
        gather<TILE, CHANNELS>(dv, p, dy);
        __syncwarp();
        // Put ds where p was
        for (int i = 0; i < MANY; i++)
            for (int j = 0; j < MANY; j++)
                p[(at.down + ACROSS * i) * (TILE + 4) + at.over + ACROSS * j] =
                    ds[i][j];
        __syncwarp();
        gather<TILE, CHANNELS>(dk, p, q);
        __syncthreads();
    }
    kept *to = dqkv + (asking + at.row) * at.step + head + at.width;
    write_rows<TILE, CHANNELS>(to, dk, scale, at.step,
                               s.length - at.row, at.size);
    write_rows<TILE, CHANNELS>(to + at.width, dv, 1, at.step,
                               s.length - at.row, at.size);
}

// Launch attention
/* bytes of shared memory, for so many tiles of rows and one more */
template <int TILE, int CHANNELS>
static unsigned shared_bytes(unsigned tiles)
{
    return (tiles * TILE * (CHANNELS + 4) + TILE * (TILE + 4))
         * sizeof(float);
}

static float score_scale(const struct attention_shape *s)
{
    return (float)(1 / sqrt((double)s->head_size));
}

template <int TILE>
static unsigned blocks_of(const struct attention_shape *s)
{
    return (unsigned)(s->sequences * s->heads)
         * blocks_for(s->length, TILE);
}

template <int TILE, int CHANNELS>
static void forward(struct device *d, kept *out, float *lse,
                    const kept *qkv, const struct attention_shape *s)
{
    unsigned bytes = shared_bytes<TILE, CHANNELS>(3);
    gpu_check(d, cudaFuncSetAttribute(attend<TILE, CHANNELS>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend");
    attend<TILE, CHANNELS>
        <<<blocks_of<TILE>(s), THREADS, bytes, stream_of(d)>>>(
            out, lse, qkv, *s, score_scale(s));
    gpu_launched(d, "attend");
}

template <int TILE, int CHANNELS>
static void backward(struct device *d, kept *dqkv, const kept *dout,
                     const kept *qkv, const float *lse,
                     const float *along,
                     const struct attention_shape *s)
{
    unsigned bytes = shared_bytes<TILE, CHANNELS>(4);
    gpu_check(d, cudaFuncSetAttribute(attend_back_q<TILE, CHANNELS>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend_back_q");
    attend_back_q<TILE, CHANNELS>
        <<<blocks_of<TILE>(s), THREADS, bytes, stream_of(d)>>>(
            dqkv, dout, qkv, lse, along, *s, score_scale(s));
    gpu_launched(d, "attend_back_q");
    gpu_check(d, cudaFuncSetAttribute(attend_back_kv<TILE, CHANNELS>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend_back_kv");
    attend_back_kv<TILE, CHANNELS>
        <<<blocks_of<TILE>(s), THREADS, bytes, stream_of(d)>>>(
            dqkv, dout, qkv, lse, along, *s, score_scale(s));
    gpu_launched(d, "attend_back_kv");
}

// Attention on the gpu
static bool too_wide(struct device *d, const struct attention_shape *s)
{
    if (s->head_size > 256)
        device_fail(d, EX_USAGE, "gpu: the heads of attention have at "
                    "most 256 channels");
    return s->head_size > 256;
}

void gpu_attend(struct device *d, struct array out, struct array lse,
                struct array qkv, struct array rotation,
                const struct attention_shape *s)
{
    size_t size = s->head_size;
    if (too_wide(d, s) || d->planning || s->sequences * s->length == 0)
        return;
    turn_all(d, qkv, rotation, 1, s);
    // Or attend on tensor cores
    if (tensor_attend(d, out, lse, qkv, s))
        return;
    (size <= 32 ? forward<64, 32> : size <= 64 ? forward<64, 64>
     : size <= 128 ? forward<32, 128> : forward<16, 256>)(
        d, numbers(out), floats(lse), numbers(qkv), s);
}

void gpu_attend_backward(struct device *d, struct array dqkv,
                         struct array dout, struct array out,
                         struct array lse, struct array qkv,
                         struct array rotation,
                         const struct attention_shape *s)
{
    size_t size = s->head_size;
    size_t rows = s->sequences * s->length * s->heads;
    assert(s->first == 0);
    if (too_wide(d, s) || rows == 0)
        return;
    float *along = (float *)device_scratch(d, rows * sizeof(float));
    if (along == NULL)
        return;
    multiply_rows<<<blocks_for(rows, WARPS), THREADS, 0,
                    stream_of(d)>>>(along, numbers(dout), numbers(out),
                                    rows, size);
    gpu_launched(d, "multiply_rows");
    // Or attend backward on tensor cores
    if (tensor_attend_backward(d, dqkv, dout, along, lse, qkv, rotation, s))
        return;
    (size <= 32 ? backward<64, 32> : size <= 64 ? backward<64, 64>
     : size <= 128 ? backward<32, 128> : backward<16, 256>)(
        d, numbers(dqkv), numbers(dout), numbers(qkv), floats(lse),
        along, s);
    turn_all(d, dqkv, rotation, -1, s);
}
KEPT_END
