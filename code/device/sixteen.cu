#define SIXTEEN
#include "layers/layers.cuh"
#include "boundary/boundary.cuh"
#include "layers/cublaslt.cuh"

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
