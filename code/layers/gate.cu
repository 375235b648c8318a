#define SIXTEEN
#include "layers/eight.h"
#include "layers/layers.cuh"
#include "layers/operand.cuh"

// The sigmoid, on the gpu
static __device__ float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

static __device__ float float_of(uint16_t x)
{
    return __uint_as_float((unsigned)x << 16);
}

/* o: hidden, or, BACK, dgate_up, in whose place gate_up may stand; a
   block has one square of hidden */
template <bool BACK>
static __global__ void __launch_bounds__(256)
gate_images(struct operand o, const uint16_t *gate_up,
            const uint16_t *dhidden, size_t H)
{
    extern __shared__ __align__(16) char memory[];
    struct square *s = (struct square *)memory;
    size_t i = blockIdx.y * (size_t)SIDE, j = blockIdx.x * (size_t)SIDE;
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += 256) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        const uint16_t *at = gate_up + (i + r) * 2 * H + j + c;
        struct pack gates = *(const struct pack *)at, d = { };
        struct pack ups = *(const struct pack *)(at + H), first, second;
        if (BACK)
            d = *(const struct pack *)(dhidden + (i + r) * H + j + c);
        for (int k = 0; k < PACK; k++) {
            float g = float_of(gates.at[k]), u = float_of(ups.at[k]);
            float s = sigmoid(g), dy = float_of(d.at[k]);
            if (BACK) {
                float dg = dy * (u * s * (1 + g * (1 - s)));
                first.at[k] = sixteen(dg).bits;
                second.at[k] = sixteen(dy * (g * s)).bits;
            } else
                first.at[k] = sixteen(g * s * u).bits;
        }
        *(struct pack *)&s[0].at[r][c] = first;
        if (BACK)
            *(struct pack *)&s[1].at[r][c] = second;
    }
    __syncthreads();
    for (int k = 0; k < 1 + BACK; k++) {
        unsigned lost = find_largest(&s[k]);
        write_images(s[k], o, i, j + k * H, lost);
    }
}

template <bool BACK>
static void launch(struct device *d, struct operand o,
                   struct array gate_up, struct array dhidden, size_t H)
{
    size_t bytes = (1 + BACK) * sizeof(struct square);
    dim3 grid(blocks_for(H, SIDE), blocks_for(o.rows, SIDE));
    gpu_check(d, cudaFuncSetAttribute(gate_images<BACK>,
                  cudaFuncAttributeMaxDynamicSharedMemorySize,
                  (int)bytes), "gate_images");
    gate_images<BACK><<<grid, 256, bytes, stream_of(d)>>>(
        o, (const uint16_t *)gate_up.at,
        (const uint16_t *)dhidden.at, H);
    gpu_launched(d, "gate_images");
}

void eight_gpu_gate(struct device *d, struct array hidden,
                    struct array gate_up)
{
    struct operand o = gpu_operand(d, hidden, hidden.rows);
    o.images = 1;               /* the one forward, the other back */
    if (o.left != NULL)
        launch<false>(d, o, gate_up, hidden, hidden.columns);
    else
        in_sixteen::gpu_gate(d, hidden, gate_up);
    gpu_make_images(d, o);
}

void eight_gpu_gate_backward(struct device *d, struct array dgate_up,
                             struct array dhidden, struct array gate_up)
{
    struct operand o = gpu_operand(d, dgate_up, dgate_up.rows);
    if (dhidden.columns % SIDE != 0)
        o.left = NULL;
    if (o.left != NULL)
        launch<true>(d, o, gate_up, dhidden, dhidden.columns);
    else
        in_sixteen::gpu_gate_backward(d, dgate_up, dhidden, gate_up);
    gpu_make_images(d, o);
}

void eight_gpu_attend_backward(struct device *d, struct array dqkv,
                               struct array dout, struct array out,
                               struct array lse, struct array qkv,
                               struct array rotation,
                               const struct attention_shape *s)
{
    struct array numbers = dqkv;
    numbers.format = as_numbers(dqkv.format);
    in_sixteen::gpu_attend_backward(d, numbers, dout, out, lse, qkv,
                                    rotation, s);
    gpu_images(d, dqkv, s->sequences * s->length);
}
