#include "layers/attention16.cuh"
#include "layers/attention_versions.h"

// Version 2 of attention
template <int SIZE>
static __global__ void __launch_bounds__(BLOCK, 2)
version2(uint16_t *out, float *lse, const uint16_t *qkv,
         struct attention_shape s, float scale)
{
    constexpr int KEYS = MOVING<SIZE>, MANY = KEYS / 8;
    constexpr int EACH = KEYS * ACROSS<SIZE>;
    extern __shared__ __align__(16) uint4 memory[];
    uint4 *k = memory + ROWS * ACROSS<SIZE>;
    struct work at(s, SIZE);
    const uint16_t *from = qkv + at.head * SIZE + at.sequence
                          * (s.first + s.length) * at.step;
    size_t keys = s.first + min(at.row + ROWS, s.length);
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
        bring<SIZE>(k, from, at, key, keys);
        __pipeline_wait_prior(0);
        __syncthreads();
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
        __syncthreads();
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

void attention_version2(struct device *d, struct array out,
                        struct array lse, struct array qkv,
                        const struct attention_shape *s)
{
    int bytes = 3 * ROWS * ACROSS<64> * (int)sizeof(uint4);
    unsigned blocks = (unsigned)(s->sequences * s->heads)
                    * blocks_for(s->length, ROWS);
    version2<64><<<blocks, BLOCK, bytes, stream_of(d)>>>(
        (uint16_t *)out.at, floats(lse), (const uint16_t *)qkv.at, *s,
        (float)(1 / 8. / M_LN2));
    gpu_launched(d, "version2");
}
