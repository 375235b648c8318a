#include "layers/operand.cuh"

enum { THREADS = 256 };             /* two for each row of a square */
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

// Load a square
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

static __device__ void load(struct square *s, const struct work &w)
{
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += THREADS) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        *(struct pack *)&s->at[r][c]
            = pack_at(w, blockIdx.y * (size_t)SIDE + r,
                      blockIdx.x * (size_t)SIDE + c);
    }
}

// Write the image of a square
template <int TALL, int WIDE>
static __device__ void write_sixteen(const struct work &w,
                                     const struct square &s)
{
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += THREADS) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        size_t row = blockIdx.y * (size_t)SIDE + r;
        size_t column = blockIdx.x * (size_t)SIDE + c;
        struct pack x = *(struct pack *)&s.at[r][c];
        if (row >= w.rows || column >= w.columns)
            continue;
        for (int k = 0; k < PACK; k += 2) {
            int e = exponent_of<TALL, WIDE>(s, r, c + k);
            int f = exponent_of<TALL, WIDE>(s, r, c + k + 1);
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

// Make images on the gpu
template <int TALL, int WIDE, enum form to>
static __global__ void __launch_bounds__(THREADS)
image_kernel(struct work w)
{
    __shared__ struct square s;
    constexpr bool TURNS = to == TURNED;
    load(&s, w);
    __syncthreads();
    unsigned lost = find_largest<TALL == WIDE>(&s);
    if (to == SIXTEEN_BITS)
        write_sixteen<TALL, WIDE>(w, s);
    else {
        size_t i = (TURNS ? blockIdx.x : blockIdx.y) * (size_t)SIDE;
        size_t k = (TURNS ? blockIdx.y : blockIdx.x) * (size_t)SIDE;
        size_t lines = TURNS ? w.columns : w.rows;
        write_codes<TALL, WIDE, TURNS>(s, {
            (uint8_t *)w.to + i * w.stride + k, w.stride,
            w.exponent + k / SIDE * lines + i, lines - i,
            w.stride - k });
    }
    bool first = blockIdx.x == 0 && blockIdx.y == 0;
    if (first && threadIdx.x == 0 && w.counts != NULL)
        atomicAdd(&w.counts[0],
                  (unsigned long long)(w.rows * w.columns));
    if (lost > 0 && w.counts != NULL)
        atomicAdd(&w.counts[1], (unsigned long long)lost);
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

// Images of operands
template <bool WEIGHTS>
static __global__ void __launch_bounds__(THREADS)
images_kernel(struct operand o)
{
    __shared__ struct square s;
    make_images<WEIGHTS>(&s, o, blockIdx.y * (size_t)SIDE,
                         blockIdx.x * (size_t)SIDE);
}

/* of so many rows */
static bool becomes_images(const struct device *d, struct array a,
                           size_t rows)
{
    return a.format == IMAGES && rows > 0 && rows % SIDE == 0
        && (a.role == WORKING
            || (!d->eight.looked_at && !d->planning));
}

bool gpu_has_images(const struct device *d, struct array a)
{
    return becomes_images(d, a, a.rows);
}

static int8_t *exponents_of(struct array a, size_t rows)
{
    return a.exponent != NULL ? a.exponent
                              : (int8_t *)a.at + 2 * rows * a.columns;
}

struct operand gpu_operand(const struct device *d, struct array a,
                           size_t rows)
{
    const struct gpu *g = (const struct gpu *)d->state;
    struct operand o = { NULL, exponents_of(a, rows), rows, a.columns,
                         a.role == WORKING, NULL, g->counts, 2 };
    if (!becomes_images(d, a, rows))
        return o;
    o.at = (uint8_t *)a.at;
    if (!d->eight.apart && rows / SIDE * (a.columns / SIDE) <= SQUARES)
        o.left = g->left;
    return o;
}

void gpu_make_images(struct device *d, const struct operand &o)
{
    if (o.at == NULL || o.left != NULL)
        return;
    dim3 grid(blocks_for(o.columns, SIDE), blocks_for(o.rows, SIDE));
    if (o.weights)
        images_kernel<true><<<grid, THREADS, 0, stream_of(d)>>>(o);
    else
        images_kernel<false><<<grid, THREADS, 0, stream_of(d)>>>(o);
    gpu_launched(d, "images_kernel");
}

void gpu_images(struct device *d, struct array a, size_t rows)
{
    struct operand o = gpu_operand(d, a, rows);
    o.left = NULL;
    gpu_make_images(d, o);
}

struct codes gpu_codes_there(struct array a, bool turned)
{
    uint8_t *at = (uint8_t *)a.at;
    int8_t *exponent = exponents_of(a, a.rows);
    size_t step = 2 * a.columns;
    if (turned)
        return { at, exponent + a.rows * a.columns / SIDE, a.columns,
                 a.rows, step, DOWN_COLUMNS };
    return { at, exponent, a.rows, a.columns, step, ALONG_ROWS };
}

static __global__ void there_kernel(uint16_t *to, struct codes c)
{
    bool turned = c.at == DOWN_COLUMNS;
    size_t columns = turned ? c.rows : c.columns, t = blockIdx.x;
    for (size_t j = threadIdx.x; j < columns; j += THREADS) {
        size_t line = turned ? j : t, k = turned ? t : j;
        size_t row = turned ? k / SIDE * SIDE + line % SIDE : line;
        size_t at = row * c.stride + j / SIDE * 2 * SIDE
                  + turned * SIDE + k % SIDE;
        int e = c.exponent[k / SIDE * c.rows + line];
        float x = fp8_widen(c.code[at], e4m3()) * power(e);
        to[t * columns + j] = (uint16_t)(__float_as_uint(x) >> 16);
    }
}

void gpu_image_there(struct device *d, void *to, struct array a,
                     bool turned)
{
    struct codes c = gpu_codes_there(a, turned);
    there_kernel<<<blocks_for(a.rows, 1), THREADS, 0, stream_of(d)>>>(
        (uint16_t *)to, c);
    gpu_launched(d, "there_kernel");
}
