#define SIXTEEN
#include "layers/layers.cuh"
#include "boundary/boundary.cuh"
#include "layers/general.cuh"

namespace in_sixteen {
static struct operations sixteen_of(struct operations o)
{
    o.embed = gpu_embed;
    o.embed_backward = gpu_embed_backward;
    o.product = sixteen_general_product;
    o.product_input = sixteen_general_product_input;
    o.product_weight = sixteen_general_product_weight;
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
