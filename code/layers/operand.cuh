#ifndef OPERAND_CUH
#define OPERAND_CUH
#include "device/eight.cuh"
#include "layers/image.cuh"

enum { SIDE = 128,                  /* of a square */
       PACK = 8 };                  /* numbers in 16 bytes */
struct alignas(16) pack { uint16_t at[PACK]; };

/* 128 rows of 128 numbers of bf16, in shared memory, for 256 threads;
   and what is largest of each row, of each column, of all */
struct square {
    alignas(16) uint16_t at[SIDE][SIDE + PACK];
    unsigned row[2][SIDE], column[2][SIDE], all;    /* halves of them */
    bool whole;
};

static __device__ inline unsigned finite_size(uint16_t x)
{
    unsigned size = x & 0x7fff;
    return size < 0x7f80 ? size : 0;
}

// Find what is largest
/* of a square that all threads have filled: two for each row, and for
   each column, half of it each. Returns how many numbers that this
   thread has seen are infinite. */
template <bool ALL = false>
static __device__ unsigned find_largest(struct square *s)
{
    int k = threadIdx.x % SIDE, side = threadIdx.x / SIDE;
    int half = side * (SIDE / 2);
    unsigned row = 0, column = 0, lost = 0, all = 0;
    #pragma unroll 1
    for (int c = half; c < half + SIDE / 2; c += PACK) {
        struct pack x = *(struct pack *)&s->at[k][c];
        for (int i = 0; i < PACK; i++) {
            lost += (x.at[i] & 0x7fff) == 0x7f80;
            row = max(row, finite_size(x.at[i]));
        }
    }
    #pragma unroll 1
    for (int r = half; r < half + SIDE / 2; r++)
        column = max(column, finite_size(s->at[r][k]));
    s->row[side][k] = row;
    s->column[side][k] = column;
    __syncthreads();
    for (int n = threadIdx.x; ALL && n < 2 * SIDE; n += WARP)
        all = max(all, s->row[n / SIDE][n % SIDE]);
    float most = warp_max(__uint_as_float(all << 16));
    if (ALL && threadIdx.x == 0)
        s->all = __float_as_uint(most) >> 16;
    if (ALL)
        __syncthreads();
    return lost;
}

// Write the codes of a square
/* the exponent of row r and column c, in blocks of so many */
template <int TALL, int WIDE>
static __device__ int exponent_of(const struct square &s, int r, int c)
{
    unsigned most = TALL == 1 ? max(s.row[0][r], s.row[1][r])
                  : WIDE == 1 ? max(s.column[0][c], s.column[1][c])
                              : s.all;
    return fp8_exponent(__uint_as_float(most << 16), e4m3());
}

static __device__ inline unsigned two_codes(uint16_t x, uint16_t y,
                                            int k, int l)
{
    return e4m3_pair(__uint_as_float((unsigned)x << 16) * power(-k),
                     __uint_as_float((unsigned)y << 16) * power(-l));
}

/* where its lines go, rows or columns: each `step` bytes after the one
   before; so many of them there are, and so many bytes of each */
struct lines {
    uint8_t *to;
    size_t step;
    int8_t *exponent;
    size_t count, bytes;
};

template <int TALL, int WIDE, bool TURNS>
static __device__ void write_codes(const struct square &s,
                                   struct lines l)
{
    #pragma unroll 1
    for (int n = threadIdx.x; n < SIDE * SIDE / 16; n += 256) {
        int i = TURNS ? n % SIDE : n / (SIDE / 16);
        int k = (TURNS ? n / SIDE : n % (SIDE / 16)) * 16;
        unsigned four[4];
        int e = exponent_of<TALL, WIDE>(s, i, i);
        if ((size_t)i >= l.count)
            continue;
        if (k == 0)
            l.exponent[i] = (int8_t)e;
        if ((size_t)k >= l.bytes)
            continue;
        for (int m = 0; m < 16; m += 4) {
            uint16_t x[4];
            for (int j = 0; j < 4; j++)
                x[j] = TURNS ? s.at[k + m + j][i] : s.at[i][k + m + j];
            four[m / 4] = two_codes(x[0], x[1], e, e)
                        | two_codes(x[2], x[3], e, e) << 16;
        }
        *(uint4 *)(l.to + i * l.step + k)
            = { four[0], four[1], four[2], four[3] };
    }
}

// Images in the place of numbers
/* An array that becomes images; at NULL: it does not. left: how many
   blocks have left their part of each square; NULL: a kernel of its own
   makes them. exponent: of rows, and then of columns; weights have one
   for all of a square. */
struct operand {
    uint8_t *at;
    int8_t *exponent;
    size_t rows, columns;
    bool weights;
    unsigned *left;
    unsigned long long *counts;
    unsigned images;            /* that a product will take */
};
struct operand gpu_operand(const struct device *d, struct array a,
                           size_t rows);
/* by a kernel of their own, where that is so */
void gpu_make_images(struct device *d, const struct operand &o);

/* shared memory of a kernel that leaves images: this many bytes are
   busy at its end; if that is too much, it leaves numbers */
static inline size_t room_with_square(struct operand *o, size_t busy,
                                      size_t room, size_t most)
{
    size_t wanted = busy + sizeof(struct square);
    if (o->left == NULL || wanted <= room)
        return room;
    if (wanted > most)
        o->left = NULL;
    return wanted > most ? room : wanted;
}

/* of the square from row i and column j on; by all threads */
template <bool WEIGHTS = false>
static __device__ inline void write_images(const struct square &s,
                                           const struct operand &o,
                                           size_t i, size_t j,
                                           unsigned lost)
{
    size_t step = 2 * o.columns;
    uint8_t *at = o.at + i * step + 2 * j;
    int8_t *column = o.exponent + o.rows * o.columns / SIDE;
    write_codes<WEIGHTS ? SIDE : 1, SIDE, false>(s, {
        at, step, o.exponent + j / SIDE * o.rows + i, SIDE, SIDE });
    write_codes<SIDE, WEIGHTS ? SIDE : 1, true>(s, {
        at + SIDE, step, column + i / SIDE * o.columns + j, SIDE,
        SIDE });
    if (threadIdx.x == 0 && o.counts != NULL)
        atomicAdd(&o.counts[0],
                  (unsigned long long)o.images * SIDE * SIDE);
    if (lost > 0 && o.counts != NULL)
        atomicAdd(&o.counts[1], (unsigned long long)o.images * lost);
}

template <bool WEIGHTS = false>
static __device__ inline void make_images(struct square *s,
                                          const struct operand &o,
                                          size_t i, size_t j)
{
    #pragma unroll 1
    for (int n = threadIdx.x; n < SIDE * SIDE / PACK; n += 256) {
        int r = n / (SIDE / PACK), c = n % (SIDE / PACK) * PACK;
        *(struct pack *)&s->at[r][c] = *(const struct pack *)(
            o.at + 2 * ((i + r) * o.columns + j + c));
    }
    __syncthreads();
    unsigned lost = find_largest<WEIGHTS>(s);
    write_images<WEIGHTS>(*s, o, i, j, lost);
}

// Leave images
/* All threads of a block have stored `slice` columns, from `begin` on,
   of `tall` rows. Where they were the last of a square, it becomes
   images. A barrier comes before s is used for something else. */
static __device__ inline void leave_images(struct square *s,
                                           const struct operand &o,
                                           size_t first, size_t tall,
                                           size_t begin, size_t slice)
{
#if !defined __CUDA_ARCH__ || __CUDA_ARCH__ >= 900  /* has codes */
    size_t i = first / SIDE * SIDE;
    #pragma unroll 1
    for (size_t j = begin / SIDE * SIDE; j < begin + slice; j += SIDE) {
        size_t slices = (j + SIDE - 1) / slice - j / slice + 1;
        __syncthreads();
        if (threadIdx.x == 0) {
            unsigned *left = &o.left[(i * o.columns / SIDE + j) / SIDE];
            __threadfence();
            s->whole = atomicAdd(left, 1) + 1 == SIDE / tall * slices;
            if (s->whole)
                atomicExch(left, 0);
            __threadfence();
        }
        __syncthreads();
        if (s->whole)
            make_images(s, o, i, j);
    }
#endif
}
#endif
