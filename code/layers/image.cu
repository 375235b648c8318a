#include "layers/image.cuh"
#include "device/eight.cuh"

enum { SIDE = 128, THREADS = 256,
       PACK = 8,                    /* numbers in 16 bytes */
       APART = 8 };                 /* numbers, between rows */
enum form { SIXTEEN_BITS, CODES, TURNED };

/* what is rounded, and to where: bf16, or codes */
struct work {
    const uint16_t *from;
    size_t rows, columns;
    void *to;
    int8_t *exponent;
    size_t stride;                  /* of codes */
    bool wide;                      /* rows of whole packs, aligned */
    unsigned long long *counts;     /* stored, infinite; or NULL */
};

// Load a tile, and find what is largest
struct alignas(16) pack { uint16_t at[PACK]; };

/* zeros where there is nothing */
static __device__ struct pack pack_at(const struct work &w, size_t row,
                                      size_t column)
{
    struct pack x = { };
    const uint16_t *from = w.from + row * w.columns + column;
    if (row >= w.rows || column >= w.columns)
        return x;
    if (w.wide)
        return *(const struct pack *)from;
    for (int k = 0; k < PACK; k++)
        if (column + k < w.columns)
            x.at[k] = from[k];
    return x;
}

/* amax: of the block of each row, column, or [0] */
template <int TALL, int WIDE>
static __device__ void load(uint16_t tile[][SIDE + APART],
                            unsigned amax[SIDE], unsigned *infinite,
                            const struct work &w)
{
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += THREADS) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        struct pack x = pack_at(w, blockIdx.y * (size_t)SIDE + r,
                                blockIdx.x * (size_t)SIDE + c);
        unsigned most = 0, lost = 0;
        *(struct pack *)&tile[r][c] = x;
        for (int k = 0; k < PACK; k++) {
            unsigned size = x.at[k] & 0x7fff;
            lost += size == 0x7f80;
            size = size < 0x7f80 ? size : 0;
            most = size > most ? size : most;
            if (WIDE == 1 && size > 0)
                atomicMax(&amax[c + k], size);
        }
        if (WIDE > 1 && most > 0)
            atomicMax(&amax[TALL == 1 ? r : 0], most);
        if (lost > 0)
            atomicAdd(infinite, lost);
    }
}

// Write the image of a tile
/* the exponent of row r and column c of the tile */
template <int TALL, int WIDE>
static __device__ int exponent_of(const unsigned amax[SIDE], int r,
                                  int c)
{
    unsigned most = amax[TALL == 1 ? r : WIDE == 1 ? c : 0];
    return fp8_exponent(__uint_as_float(most << 16), e4m3());
}

static __device__ unsigned two_codes(uint16_t x, uint16_t y, int k,
                                     int l)
{
    return e4m3_pair(__uint_as_float((unsigned)x << 16) * power(-k),
                     __uint_as_float((unsigned)y << 16) * power(-l));
}

template <int TALL, int WIDE>
static __device__ void write_sixteen(const struct work &w,
                                     uint16_t tile[][SIDE + APART],
                                     const unsigned amax[SIDE])
{
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += THREADS) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        size_t row = blockIdx.y * (size_t)SIDE + r;
        size_t column = blockIdx.x * (size_t)SIDE + c;
        struct pack x = *(struct pack *)&tile[r][c];
        if (row >= w.rows || column >= w.columns)
            continue;
        for (int k = 0; k < PACK; k += 2) {
            int e = exponent_of<TALL, WIDE>(amax, r, c + k);
            int f = exponent_of<TALL, WIDE>(amax, r, c + k + 1);
            unsigned both = two_codes(x.at[k], x.at[k + 1], e, f);
            float first = fp8_widen(both & 0xff, e4m3()) * power(e);
            float second = fp8_widen(both >> 8, e4m3()) * power(f);
            x.at[k] = (uint16_t)(__float_as_uint(first) >> 16);
            x.at[k + 1] = (uint16_t)(__float_as_uint(second) >> 16);
        }
        uint16_t *to = (uint16_t *)w.to + row * w.columns + column;
        if (w.wide)
            *(struct pack *)to = x;
        for (int k = 0; k < PACK && !w.wide; k++)
            if (column + k < w.columns)
                to[k] = x.at[k];
    }
}

/* sixteen codes of output row i, from k on */
template <int TALL, int WIDE, bool TURNS>
static __device__ void write_codes(const struct work &w,
                                   uint16_t tile[][SIDE + APART],
                                   const unsigned amax[SIDE])
{
    size_t i0 = (TURNS ? blockIdx.x : blockIdx.y) * (size_t)SIDE;
    size_t k0 = (TURNS ? blockIdx.y : blockIdx.x) * (size_t)SIDE;
    size_t rows = TURNS ? w.columns : w.rows;
    for (int n = threadIdx.x; n < SIDE * SIDE / 16; n += THREADS) {
        int i = TURNS ? n % SIDE : n / (SIDE / 16);
        int k = (TURNS ? n / SIDE : n % (SIDE / 16)) * 16;
        unsigned four[4];
        int e = exponent_of<TALL, WIDE>(amax, i, i);
        if (i0 + i >= rows)
            continue;
        if (k == 0)
            w.exponent[k0 / SIDE * rows + i0 + i] = (int8_t)e;
        if (k0 + k >= w.stride)
            continue;
        for (int m = 0; m < 16; m += 4) {
            uint16_t x[4];
            for (int j = 0; j < 4; j++)
                x[j] = TURNS ? tile[k + m + j][i] : tile[i][k + m + j];
            four[m / 4] = two_codes(x[0], x[1], e, e)
                        | two_codes(x[2], x[3], e, e) << 16;
        }
        *(uint4 *)((uint8_t *)w.to + (i0 + i) * w.stride + k0 + k)
            = { four[0], four[1], four[2], four[3] };
    }
}

// Make images on the gpu
template <int TALL, int WIDE, enum form to>
static __global__ void __launch_bounds__(THREADS)
image_kernel(struct work w)
{
    __shared__ __align__(16) uint16_t tile[SIDE][SIDE + APART];
    __shared__ unsigned amax[SIDE], infinite;
    for (int k = threadIdx.x; k < SIDE; k += THREADS)
        amax[k] = 0;
    if (threadIdx.x == 0)
        infinite = 0;
    __syncthreads();
    load<TALL, WIDE>(tile, amax, &infinite, w);
    __syncthreads();
    if (to == SIXTEEN_BITS)
        write_sixteen<TALL, WIDE>(w, tile, amax);
    else
        write_codes<TALL, WIDE, to == TURNED>(w, tile, amax);
    if (threadIdx.x == 0 && w.counts != NULL) {
        if (blockIdx.x == 0 && blockIdx.y == 0)
            atomicAdd(&w.counts[0],
                      (unsigned long long)(w.rows * w.columns));
        if (infinite > 0)
            atomicAdd(&w.counts[1], (unsigned long long)infinite);
    }
}

template <enum form to>
static void launch(struct device *d, struct work w, struct array from,
                   struct fp8_blocks b)
{
    dim3 grid(blocks_for(from.columns, SIDE),
              blocks_for(from.rows, SIDE));
    auto kernel = b.rows == 1 ? image_kernel<1, 128, to>
                : b.columns == 1 ? image_kernel<128, 1, to>
                                 : image_kernel<128, 128, to>;
    w.from = (const uint16_t *)from.at;
    w.rows = from.rows, w.columns = from.columns;
    w.wide = (uintptr_t)from.at % 16 == 0 && from.columns % PACK == 0;
    w.counts = ((const struct gpu *)d->state)->counts;
    if (from.rows == 0 || from.columns == 0)
        return;
    kernel<<<grid, THREADS, 0, stream_of(d)>>>(w);
    gpu_launched(d, "image_kernel");
}

void gpu_image(struct device *d, void *to, struct array from,
               struct fp8_blocks b)
{
    struct work w = { };
    assert((uintptr_t)to % 16 == 0);
    w.to = to;
    launch<SIXTEEN_BITS>(d, w, from, b);
}

static size_t of_sixteen(size_t bytes)
{
    return (bytes + 15) / 16 * 16;
}

size_t gpu_codes_bytes(struct array from, bool turned)
{
    size_t rows = turned ? from.columns : from.rows;
    size_t columns = turned ? from.rows : from.columns;
    return rows * of_sixteen(columns)
         + of_sixteen(blocks_for(columns, SIDE) * rows);
}

struct codes gpu_codes(struct device *d, void *room, struct array from,
                       struct fp8_blocks b, bool turned)
{
    struct codes c = { (uint8_t *)room, NULL, from.rows, from.columns };
    struct work w = { };
    assert(turned ? b.rows > 1 : b.columns > 1);
    if (turned)
        c.rows = from.columns, c.columns = from.rows;
    c.stride = of_sixteen(c.columns);
    c.exponent = (int8_t *)room + c.rows * c.stride;
    w.to = room;
    w.exponent = c.exponent;
    w.stride = c.stride;
    if (turned)
        launch<TURNED>(d, w, from, b);
    else
        launch<CODES>(d, w, from, b);
    return c;
}
