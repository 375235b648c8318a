#ifndef PLACES_CUH
#define PLACES_CUH
#include "device/gpu.cuh"
#include "mix/mix.h"

// Where things stand in a row
struct places {
    enum mix mix;
    bool apart;         /* each stream normalised apart */
    int streams, parts, outputs, entries, biases;
    size_t raw, rms, row, inputs, width;
};

static inline struct places places_of(const struct layout *l)
{
    struct places p = { .mix = l->mix };
    p.apart = l->mix == MIX_TANH_TWO || l->mix == MIX_TANH_THREE;
    p.streams = (int)l->streams;
    p.parts = (int)l->parts;
    p.outputs = (int)l->outputs;
    p.entries = (int)layout_raw(l);
    p.biases = (int)mix_biases(l->mix, l->streams);
    p.raw = layout_raw(l);
    p.rms = layout_rms(l);
    p.row = layout_row(l);
    p.inputs = layout_inputs(l);
    p.width = l->width;
    return p;
}

// Macro that goes by the number of streams
/* function<n>(...), for n = 1 .. 8 */
#define BY_STREAMS(n, function, ...) \
    switch (n) { \
    case 1: function<1>(__VA_ARGS__); break; \
    case 2: function<2>(__VA_ARGS__); break; \
    case 3: function<3>(__VA_ARGS__); break; \
    case 4: function<4>(__VA_ARGS__); break; \
    case 5: function<5>(__VA_ARGS__); break; \
    case 6: function<6>(__VA_ARGS__); break; \
    case 7: function<7>(__VA_ARGS__); break; \
    case 8: function<8>(__VA_ARGS__); break; \
    default: assert(!"1 to 8 streams"); \
    }
#endif
