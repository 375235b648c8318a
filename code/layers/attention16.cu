#include "layers/attention16.cuh"

// Let a tile of queries ask, on tensor cores
template <int SIZE>
static __global__ void __launch_bounds__(BLOCK, 2)
attend16(uint16_t *out, float *lse, const uint16_t *qkv,
         struct attention_shape s, float scale)
{
    constexpr int KEYS = MOVING<SIZE>, MANY = KEYS / 8;
    constexpr int EACH = KEYS * ACROSS<SIZE>;
    extern __shared__ __align__(16) uint4 memory[];
    uint4 *ring = memory + ROWS * ACROSS<SIZE>;
    struct work at(s, SIZE);
    const uint16_t *from = qkv + at.head * SIZE + at.sequence
                          * (s.first + s.length) * at.step;
    size_t keys = s.first + min(at.row + ROWS, s.length);
    bring<SIZE>(ring, from, at, 0, keys);
    // Bring the queries into registers
    unsigned q[SIZE / 16][4];
    fetch<SIZE>(memory, ROWS, from + (s.first + at.row) * at.step, at.step,
                s.length - at.row);
    __pipeline_commit();
    __pipeline_wait_prior(0);
    __syncthreads();
    for (int c = 0; c < SIZE / 16; c++)
        ldmatrix_4(q[c], mine<SIZE>(memory, threadIdx.x / WARP * 16,
                                    16 * c));
    // Begin with nothing seen
    float most[2] = { -INFINITY, -INFINITY }, sum[2] = { };
    float mean[SIZE / 8][4] = { };
    size_t position = s.first + at.row + at.down;
    for (size_t key = 0; key < keys; key += KEYS) {
        const uint4 *k = ring + key / KEYS % 2 * 2 * EACH;
        uint4 *next = ring + (key / KEYS + 1) % 2 * 2 * EACH;
        __pipeline_wait_prior(0);
        __syncthreads();
        bring<SIZE>(next, from, at, key + KEYS, keys);
        // Ask these keys
        float score[MANY][4] = { };
        #pragma unroll
        for (int c = 0; c < SIZE / 16; c++)
            dots<SIZE, MANY>(score, q[c], k, 16 * c);
        // Weigh these keys, and what came before, in fragments
        #pragma unroll
        for (int h = 0; h < 2; h++) {
            float old = most[h];
            #pragma unroll
            for (int n = 0; n < 2 * MANY; n++) {
                float *x = &score[n / 2][2 * h + n % 2];
                size_t other = key + n / 2 * 8 + at.over + n % 2;
                *x = other <= position + 8 * h ? scale * *x : -INFINITY;
                most[h] = fmaxf(most[h], *x);
            }
            most[h] = fmaxf(most[h], __shfl_xor_sync(~0u, most[h], 1));
            most[h] = fmaxf(most[h], __shfl_xor_sync(~0u, most[h], 2));
            float shrink = exp2f(old - most[h]);
            sum[h] *= shrink;
            #pragma unroll
            for (int n = 0; n < SIZE / 4; n++)
                mean[n / 2][2 * h + n % 2] *= shrink;
            #pragma unroll
            for (int n = 0; n < 2 * MANY; n++) {
                float *x = &score[n / 2][2 * h + n % 2];
                *x = exp2f(*x - most[h]);
                sum[h] += *x;
            }
        }
        gather<SIZE, MANY>(mean, score, k + EACH);
    }
    // Write the answers from fragments
    #pragma unroll
    for (int h = 0; h < 2; h++) {
        size_t row = at.row + at.down + 8 * h;
        size_t asking = at.sequence * s.length + row;
        sum[h] += __shfl_xor_sync(~0u, sum[h], 1);
        sum[h] += __shfl_xor_sync(~0u, sum[h], 2);
        if (row >= s.length)
            continue;
        uint16_t *to = out + asking * at.width + at.head * SIZE + at.over;
        #pragma unroll
        for (int j = 0; j < SIZE / 8; j++)
            *(unsigned *)(to + 8 * j) = pack_bf16(
                mean[j][2 * h] / sum[h], mean[j][2 * h + 1] / sum[h]);
        if (at.over == 0)
            lse[asking * s.heads + at.head] =
                LN2 * (most[h] + log2f(sum[h]));
    }
}

// Write rows from fragments
/* turns the gradients of row `down` and the eighth after it back */
template <int SIZE>
static __device__ void turn_back(float x[SIZE / 8][4],
                                 const float *cosine, const float *sine,
                                 size_t row, int over, size_t rows)
{
    #pragma unroll
    for (int n = 0; n < SIZE / 4; n++) {
        int j = n / 4, i = n % 4;       /* i: of rows 0, 0, 8, 8 */
        size_t t = row + i / 2 * 8;
        size_t angle = t * (SIZE / 2) + 8 * j + over + i % 2;
        float c = t < rows ? cosine[angle] : 1;
        float s = t < rows ? sine[angle] : 0;
        float a = x[j][i], b = x[j + SIZE / 16][i];
        x[j][i] = a * c + b * s;
        x[j + SIZE / 16][i] = b * c - a * s;
    }
}

template <int SIZE>
static __device__ void write_rows(uint16_t *to, const float x[][4],
                                  float scale, size_t step, size_t row,
                                  int over, size_t rows)
{
    #pragma unroll
    for (int h = 0; h < 2; h++)
        for (int j = 0; j < SIZE / 8 && row + 8 * h < rows; j++)
            *(unsigned *)(to + (row + 8 * h) * step + 8 * j + over) =
                pack_bf16(scale * x[j][2 * h],
                          scale * x[j][2 * h + 1]);
}

// Multiply the rows of a warp, from both tiles that stay
/* s += a by the first tile that moves, t += b by the second */
template <int SIZE, int MANY>
static __device__ void two_dots(float s[MANY][4], float t[MANY][4],
                                const uint4 *a, const uint4 *b,
                                const uint4 *moving)
{
    int row = threadIdx.x / WARP * 16;
    #pragma unroll
    for (int c = 0; c < SIZE; c += 16) {
        unsigned r[4];
        ldmatrix_4(r, mine<SIZE>(a, row, c));
        dots<SIZE, MANY>(s, r, moving, c);
        ldmatrix_4(r, mine<SIZE>(b, row, c));
        dots<SIZE, MANY>(t, r, moving + MANY * 8 * ACROSS<SIZE>, c);
    }
}

// What the queries are told, on tensor cores
/* scale: of scores, and of gradients */
template <int SIZE>
static __global__ void __launch_bounds__(BLOCK, 2)
attend16_back_q(uint16_t *dqkv, const uint16_t *dout,
                const uint16_t *qkv, const float *lse,
                const float *along, const float *cosine,
                const float *sine, struct attention_shape s,
                float2 scale)
{
    constexpr int KEYS = MOVING<SIZE>, MANY = KEYS / 8;
    constexpr int EACH = KEYS * ACROSS<SIZE>;
    extern __shared__ __align__(16) uint4 memory[];
    uint4 *dy = memory + ROWS * ACROSS<SIZE>;
    uint4 *ring = dy + ROWS * ACROSS<SIZE>;
    struct work at(s, SIZE);
    size_t asking = at.sequence * s.length, head = at.head * SIZE;
    const uint16_t *from = qkv + asking * at.step + head;
    size_t keys = min(at.row + ROWS, s.length);
    fetch<SIZE>(memory, ROWS, from + at.row * at.step, at.step,
                s.length - at.row);
    fetch<SIZE>(dy, ROWS, dout + (asking + at.row) * at.width + head,
                at.width, s.length - at.row);
    bring<SIZE>(ring, from, at, 0, keys);
    float all[2], d[2], dq[SIZE / 8][4] = { };
    size_t mine = at.row + at.down;
    for (int h = 0; h < 2; h++) {
        size_t n = (asking + mine + 8 * h) * s.heads + at.head;
        all[h] = mine + 8 * h < s.length ? lse[n] / LN2 : INFINITY;
        d[h] = mine + 8 * h < s.length ? along[n] : 0;
    }
    for (size_t key = 0; key < keys; key += KEYS) {
        const uint4 *k = ring + key / KEYS % 2 * 2 * EACH;
        uint4 *next = ring + (key / KEYS + 1) % 2 * 2 * EACH;
        __pipeline_wait_prior(0);
        __syncthreads();
        bring<SIZE>(next, from, at, key + KEYS, keys);
        float p[MANY][4] = { }, ds[MANY][4] = { };
        two_dots<SIZE, MANY>(p, ds, memory, dy, k);
        #pragma unroll
        for (int n = 0; n < 4 * MANY; n++) {
            int j = n / 4, i = n % 4, h = i / 2;
            size_t other = key + 8 * j + at.over + i % 2;
            float weight = other <= mine + 8 * h
                ? exp2f(scale.x * p[j][i] - all[h]) : 0;
            ds[j][i] = weight * (ds[j][i] - d[h]);
        }
        gather<SIZE, MANY>(dq, ds, k);
    }
    turn_back<SIZE>(dq, cosine, sine, mine, at.over, s.length);
    write_rows<SIZE>(dqkv + asking * at.step + head, dq, scale.y,
                     at.step, mine, at.over, s.length);
}

// What keys and values are told, on tensor cores
template <int SIZE>
static __global__ void __launch_bounds__(BLOCK, 2)
attend16_back_kv(uint16_t *dqkv, const uint16_t *dout,
                 const uint16_t *qkv, const float *lse,
                 const float *along, const float *cosine,
                 const float *sine, struct attention_shape s,
                 float2 scale)
{
    constexpr int QUERIES = MOVING<SIZE>, MANY = QUERIES / 8;
    constexpr int EACH = QUERIES * ACROSS<SIZE>;
    extern __shared__ __align__(16) uint4 memory[];
    __shared__ float told[2][2][QUERIES];   /* stage, lse or along */
    uint4 *v = memory + ROWS * ACROSS<SIZE>;
    uint4 *ring = v + ROWS * ACROSS<SIZE>;
    struct work at(s, SIZE);
    size_t asking = at.sequence * s.length, head = at.head * SIZE;
    const uint16_t *from = qkv + asking * at.step + head;
    auto bring = [&](size_t query) {
        int stage = (int)(query / QUERIES % 2);
        uint4 *q = ring + stage * 2 * EACH;
        if (query < s.length) {
            fetch<SIZE>(q, QUERIES, from + query * at.step, at.step,
                        s.length - query);
            fetch<SIZE>(q + EACH, QUERIES, dout + (asking + query)
                        * at.width + head, at.width, s.length - query);
            // Bring what the queries were told
            for (int n = threadIdx.x; n < 2 * QUERIES; n += BLOCK) {
                size_t t = query + n % QUERIES;
                size_t place = (asking + t) * s.heads + at.head;
                bool in = t < s.length;
                __pipeline_memcpy_async(&told[stage][n / QUERIES][n % QUERIES],
                                        (n < QUERIES ? lse : along)
                                        + (in ? place : 0), 4, in ? 0 : 4);
            }
        }
        __pipeline_commit();
    };
    fetch<SIZE>(memory, ROWS, from + at.row * at.step + at.width,
                at.step, s.length - at.row);
    fetch<SIZE>(v, ROWS, from + at.row * at.step + 2 * at.width,
                at.step, s.length - at.row);
    bring(at.row);
    float dk[SIZE / 8][4] = { }, dv[SIZE / 8][4] = { };
    size_t mine = at.row + at.down;
    for (size_t query = at.row; query < s.length; query += QUERIES) {
        int stage = (int)(query / QUERIES % 2);
        const uint4 *q = ring + stage * 2 * EACH;
        __pipeline_wait_prior(0);
        __syncthreads();
        bring(query + QUERIES);
        // Multiply keys by queries, and tell them
        float p[MANY][4] = { }, ds[MANY][4] = { };
        two_dots<SIZE, MANY>(p, ds, memory, v, q);
        #pragma unroll
        for (int n = 0; n < 4 * MANY; n++) {
            int j = n / 4, i = n % 4, column = 8 * j + at.over + i % 2;
            size_t t = query + column;
            bool seen = mine + i / 2 * 8 <= t && t < s.length;
            float all = told[stage][0][column] / LN2;
            p[j][i] = seen ? exp2f(scale.x * p[j][i] - all) : 0;
            ds[j][i] = p[j][i] * (ds[j][i] - told[stage][1][column]);
        }
        gather<SIZE, MANY>(dv, p, q + EACH);
        gather<SIZE, MANY>(dk, ds, q);
    }
    uint16_t *to = dqkv + asking * at.step + head + at.width;
    turn_back<SIZE>(dk, cosine, sine, mine, at.over, s.length);
    write_rows<SIZE>(to, dk, scale.y, at.step, mine, at.over, s.length);
    write_rows<SIZE>(to + at.width, dv, 1, at.step, mine, at.over,
                     s.length);
}

// Launch attention on tensor cores
static bool mine(struct array a)
{
    return a.format == BF16 && (uintptr_t)a.at % 16 == 0;
}

static bool fits(const struct attention_shape *s)
{
    return s->head_size % 16 == 0 && s->head_size <= 128;
}

static unsigned blocks_of(const struct attention_shape *s)
{
    return (unsigned)(s->sequences * s->heads)
         * blocks_for(s->length, ROWS);
}

/* bytes of so many tiles that stay, and four that move */
template <int SIZE>
static int room_for(int tiles)
{
    return (tiles * ROWS + 4 * MOVING<SIZE>) * ACROSS<SIZE>
         * (int)sizeof(uint4);
}

template <int SIZE>
static void forward(struct device *d, uint16_t *out, float *lse,
                    const uint16_t *qkv,
                    const struct attention_shape *s)
{
    float scale = (float)(1 / sqrt((double)SIZE) / M_LN2);
    int bytes = room_for<SIZE>(1);
    gpu_check(d, cudaFuncSetAttribute(attend16<SIZE>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend16");
    attend16<SIZE><<<blocks_of(s), BLOCK, bytes, stream_of(d)>>>(
        out, lse, qkv, *s, scale);
    gpu_launched(d, "attend16");
}

template <int SIZE>
static void backward(struct device *d, uint16_t *dqkv,
                     const uint16_t *dout, const uint16_t *qkv,
                     const float *lse, const float *along,
                     const float *cosine, const float *sine,
                     const struct attention_shape *s)
{
    double root = 1 / sqrt((double)SIZE);
    float2 scale = { (float)(root / M_LN2), (float)root };
    int bytes = room_for<SIZE>(2);
    gpu_check(d, cudaFuncSetAttribute(attend16_back_q<SIZE>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend16_back_q");
    attend16_back_q<SIZE>
        <<<blocks_of(s), BLOCK, bytes, stream_of(d)>>>(
            dqkv, dout, qkv, lse, along, cosine, sine, *s, scale);
    gpu_launched(d, "attend16_back_q");
    gpu_check(d, cudaFuncSetAttribute(attend16_back_kv<SIZE>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize, bytes),
              "attend16_back_kv");
    attend16_back_kv<SIZE>
        <<<blocks_of(s), BLOCK, bytes, stream_of(d)>>>(
            dqkv, dout, qkv, lse, along, cosine, sine, *s, scale);
    gpu_launched(d, "attend16_back_kv");
}

// Attention on tensor cores
bool tensor_attend(struct device *d, struct array out, struct array lse,
                   struct array qkv, const struct attention_shape *s)
{
    static void (*const of_size[])(
        struct device *, uint16_t *, float *, const uint16_t *,
        const struct attention_shape *) = {
        forward<16>, forward<32>, forward<48>, forward<64>,
        forward<80>, forward<96>, forward<112>, forward<128> };
    if (!mine(out) || !mine(qkv) || !fits(s))
        return false;
    if (s->sequences * s->length > 0)
        of_size[s->head_size / 16 - 1](
            d, (uint16_t *)out.at, floats(lse),
            (const uint16_t *)qkv.at, s);
    return true;
}

bool tensor_attend_backward(struct device *d, struct array dqkv,
                            struct array dout, const float *along,
                            struct array lse, struct array qkv,
                            struct array rotation,
                            const struct attention_shape *s)
{
    static void (*const of_size[])(
        struct device *, uint16_t *, const uint16_t *, const uint16_t *,
        const float *, const float *, const float *, const float *,
        const struct attention_shape *) = {
        backward<16>, backward<32>, backward<48>, backward<64>,
        backward<80>, backward<96>, backward<112>, backward<128> };
    const float *cosine = floats(rotation);
    if (!mine(dqkv) || !mine(dout) || !mine(qkv) || !fits(s))
        return false;
    if (s->sequences * s->length > 0)
        of_size[s->head_size / 16 - 1](
            d, (uint16_t *)dqkv.at, (const uint16_t *)dout.at,
            (const uint16_t *)qkv.at, floats(lse), along, cosine,
            cosine + rotation.columns, s);
    return true;
}
