#define SIXTEEN
#include "layers/layers.cuh"
#include "boundary/boundary.cuh"
#include "layers/cublaslt.cuh"
// Headers of the gpu's tables
#include "layers/eight.h"
#include "device/eight.h"

namespace in_sixteen {
static struct operations sixteen_of(struct operations o)
{
    o.embed = gpu_embed;
    o.embed_backward = gpu_embed_backward;
    o.product = library_product;
    o.product_input = library_product_input;
    o.product_weight = library_product_weight;
    o.attend = gpu_attend;
    o.attend_backward = gpu_attend_backward;
    o.gate = gpu_gate;
    o.gate_backward = gpu_gate_backward;
    o.cross = gpu_cross;
    o.cross_backward = gpu_cross_backward;
    o.step = gpu_step;
    o.enter = gpu_enter;
    o.enter_backward = gpu_enter_backward;
    return o;
}
}

extern "C" const struct operations gpu_sixteen_operations =
    in_sixteen::sixteen_of(gpu_operations);
// Other tables of the gpu
static struct operations eight_of(struct operations o)
{
    o.product = eight_gpu_product;
    o.product_input = eight_gpu_product_input;
    o.product_weight = eight_gpu_product_weight;
    o.asks = 1ul << PRODUCT | 1ul << PRODUCT_INPUT
           | 1ul << PRODUCT_WEIGHT;
    o.gate = eight_gpu_gate;
    o.gate_backward = eight_gpu_gate_backward;
    o.attend_backward = eight_gpu_attend_backward;
    o.step = eight_gpu_step;
    o.copy = eight_gpu_copy;
    // More operations of the gpu in eight bits
    
    return o;
}

extern "C" const struct operations gpu_eight_operations =
    eight_of(in_sixteen::sixteen_of(gpu_operations));
static struct operations streams_of(struct operations o)
{
    o.embed = eight_gpu_embed;
    o.embed_backward = eight_gpu_embed_backward;
    o.cross = eight_gpu_cross;
    o.cross_backward = eight_gpu_cross_backward;
    o.enter = eight_gpu_enter;
    o.enter_backward = eight_gpu_enter_backward;
    o.place = eight_gpu_place;
    o.asks |= 1ul << EMBED | 1ul << EMBED_BACKWARD | 1ul << ENTER
            | 1ul << ENTER_BACKWARD;
    return o;
}

extern "C" const struct operations gpu_eight_stream_operations =
    streams_of(eight_of(in_sixteen::sixteen_of(gpu_operations)));
