#include "layers/layers.cuh"
KEPT_BEGIN

// The sigmoid, on the gpu
static __device__ float sigmoid(float x)
{
    return 1 / (1 + expf(-x));
}

// The gate, forward, on the gpu
static __global__ void gate(kept *hidden, const kept *gate_up,
                            size_t H)
{
    const kept *up = gate_up + (2 * (size_t)blockIdx.x + 1) * H;
    for (size_t c = threadIdx.x; c < H; c += THREADS) {
        float g = up[c - H];
        hidden[blockIdx.x * H + c] = g * sigmoid(g) * up[c];
    }
}

void gpu_gate(struct device *d, struct array hidden,
              struct array gate_up)
{
    if (hidden.rows == 0)
        return;
    gate<<<(unsigned)hidden.rows, THREADS, 0, stream_of(d)>>>(
        numbers(hidden), numbers(gate_up), hidden.columns);
    gpu_launched(d, "gate");
}

// The gate, backward, on the gpu
/* dgate_up may be gate_up: each pair is read before it is written */
static __global__ void gate_back(kept *dgate_up, const kept *dhidden,
                                 const kept *gate_up, size_t H)
{
    size_t row = 2 * (size_t)blockIdx.x * H;
    for (size_t c = threadIdx.x; c < H; c += THREADS) {
        float g = gate_up[row + c], u = gate_up[row + H + c];
        float s = sigmoid(g), dy = dhidden[blockIdx.x * H + c];
        dgate_up[row + H + c] = dy * (g * s);
        dgate_up[row + c] = dy * (u * s * (1 + g * (1 - s)));
    }
}

void gpu_gate_backward(struct device *d, struct array dgate_up,
                       struct array dhidden, struct array gate_up)
{
    if (dgate_up.rows == 0)
        return;
    gate_back<<<(unsigned)dgate_up.rows, THREADS, 0, stream_of(d)>>>(
        numbers(dgate_up), numbers(dhidden), numbers(gate_up),
        dhidden.columns);
    gpu_launched(d, "gate_back");
}
KEPT_END
