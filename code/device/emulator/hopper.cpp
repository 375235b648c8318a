#include "emulator.h"
#include <algorithm>
#include <cuda.h>
#define PLACE __builtin_return_address(0)

CUresult cuTensorMapEncodeTiled(
    CUtensorMap *m, CUtensorMapDataType type, cuuint32_t dimensions,
    void *at, const cuuint64_t *size, const cuuint64_t *stride,
    const cuuint32_t *box, const cuuint32_t *step,
    CUtensorMapInterleave, CUtensorMapSwizzle swizzle,
    CUtensorMapL2promotion, CUtensorMapFloatOOBfill)
{
    cuuint32_t bytes = type == CU_TENSOR_MAP_DATA_TYPE_UINT8 ? 1 : 2;
    if (dimensions != 2 || (uintptr_t)at % 16 != 0
        || stride[0] % 16 != 0 || stride[0] >= (uint64_t)1 << 40
        || size[0] == 0 || size[1] == 0 || size[0] > UINT32_MAX
        || size[1] > UINT32_MAX || box[0] * bytes != 128 || box[1] == 0
        || box[1] > 256 || step[0] != 1 || step[1] != 1
        || swizzle != CU_TENSOR_MAP_SWIZZLE_128B)
        return CUDA_ERROR_INVALID_VALUE;
    *m = { (const char *)at, size[0], size[1], stride[0], box[0],
           box[1], bytes };
    return CUDA_SUCCESS;
}

cudaError_t cudaGetDriverEntryPointByVersion(
    const char *name, void **entry, unsigned, unsigned long long,
    cudaDriverEntryPointQueryResult *found)
{
    bool is = strcmp(name, "cuTensorMapEncodeTiled") == 0;
    *entry = is ? (void *)cuTensorMapEncodeTiled : NULL;
    *found = is ? cudaDriverEntryPointSuccess
                : cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}

namespace emulator {
struct mbarrier {                       /* 64 bits of shared memory */
    uint16_t arrivals, missing;
    int bytes : 31;                     /* missing too */
    unsigned phase : 1;
};
static_assert(sizeof(struct mbarrier) == sizeof(uint64_t));

void keep_order(void)
{
    ordered = true;
    if (checker != NULL)
        checker->ordered();
}

static void turn(struct mbarrier *b)
{
    if (b->missing > 0 || b->bytes != 0)
        return;
    b->phase ^= 1;
    b->missing = b->arrivals;
    if (checker != NULL)
        checker->turned(b);
}

void mbarrier_init(uint64_t *at, unsigned arrivals)
{
    struct mbarrier *b = (struct mbarrier *)at;
    keep_order();
    if (cluster > 1)
        shared_offset(at);              /* it is dynamic memory */
    note(at, sizeof *at, WRITE, PLACE);
    *b = { (uint16_t)arrivals, (uint16_t)arrivals, 0, 0 };
    if (checker != NULL)
        checker->made(b);
}

void mbarrier_arrive(uint64_t *at, unsigned bytes)
{
    struct mbarrier *b = (struct mbarrier *)at;
    note(at, sizeof *at, ATOMIC, PLACE);
    if (b->missing == 0)
        fail(NULL, 0, "an arrival too many at a barrier, at %s",
             place_of(PLACE));
    if (checker != NULL)
        checker->arrived(b);
    b->bytes += (int)bytes;
    b->missing--;
    turn(b);
}

struct waits { struct mbarrier *b; unsigned parity; };

static bool has_ended(void *what)
{
    struct waits *w = (struct waits *)what;
    return w->b->phase != w->parity;
}
void proxy_fence(void)
{
    keep_order();
    if (checker != NULL)
        checker->fenced();
}
void thread_fence(void)
{
    if (checker != NULL)
        checker->thread_fenced();
}

struct tile {
    char *to;
    CUtensorMap m;
    int row, column;
    struct mbarrier *b;
    unsigned rank;
    const void *place;
    bool landed;
};
static std::vector<struct tile> coming; /* until they are waited for */

static int rows_inside(const struct tile *t, int from)
{
    return t->row + from >= 0
        && (uint64_t)(t->row + from) < t->m.rows;
}

void tma_load(void *to, const CUtensorMap *m, int row, int column,
              uint64_t *b)
{
    struct tile t = { (char *)to, *m, row, column, (struct mbarrier *)b,
                      rank, PLACE, false };
    int left = column < 0 ? 0 : column;
    int end = (int)std::min<int64_t>(m->columns,
                                     column + m->box_columns);
    if (shared_offset(to) % 1024 != 0)
        fail(NULL, 0, "a swizzled tile begins at a multiple of 1024, "
             "at %s", place_of(PLACE));
    for (int i = 0; i < (int)m->box_rows && left < end; i++)
        if (rows_inside(&t, i))
            note(m->at + (row + i) * m->stride + m->bytes * left,
                 m->bytes * (end - left), READ, PLACE);
    if (checker != NULL)
        checker->tile(to, 128 * m->box_rows, b, PLACE);
    coming.push_back(t);
}

static void place_tile(const struct tile *t)
{
    int bytes = (int)t->m.bytes;
    for (int i = 0; i < (int)t->m.box_rows; i++)
        for (int j = 0; j < (int)t->m.box_columns; j++) {
            int64_t column = (int64_t)t->column + j;
            bool inside = rows_inside(t, i) && column >= 0
                && column < (int64_t)t->m.columns;
            char *to = t->to + 128 * i + ((bytes * j) ^ (i % 8 << 4));
            if (inside)
                memcpy(to, t->m.at + (t->row + i) * t->m.stride
                       + bytes * column, bytes);
            else
                memset(to, 0, bytes);
        }
}

bool land(void)
{
    std::vector<size_t> ours;
    for (size_t k = 0; k < coming.size(); k++)
        if (coming[k].rank == rank && !coming[k].landed)
            ours.push_back(k);
    if (ours.empty())
        return false;
    size_t k = order == FORWARD ? ours.front()
        : order == REVERSE ? ours.back()
        : ours[random_below((unsigned)ours.size())];
    struct tile *t = &coming[k];
    place_tile(t);
    t->landed = true;
    t->b->bytes -= 128 * (int)t->m.box_rows;
    turn(t->b);
    return true;
}

void mbarrier_wait(uint64_t *at, unsigned parity, const char *file,
                   int line)
{
    struct waits w = { (struct mbarrier *)at, parity };
    note(at, sizeof *at, ATOMIC, PLACE);
    wait_until(has_ended, &w, "mbarrier_wait", file, line);
    std::erase_if(coming, [=](const struct tile &t) {
        return t.landed && t.b == w.b && t.rank == rank;
    });
    if (checker != NULL)
        checker->waited(at);
}

struct product {
    void (*multiply)(struct product *);
    float *d;
    unsigned n;
    uint64_t a, b;
    bool a_turned, b_turned, done;
    int group;
    const void *place;
};
static struct worker {                  /* a thread */
    std::vector<struct product> pending;
    std::vector<std::pair<const char *, size_t>> sums;  /* all its d */
    int groups;
    bool fenced;
} workers[MOST_BLOCKS][1024];

static struct worker *mine(void)
{
    return &workers[rank][current->number];
}

/* where a factor has its element i, k: 16 bytes and more from there on
   are neighbours */
static char *element(uint64_t factor, bool turned, unsigned i,
                     unsigned k)
{
    size_t begin = (factor & 0x3fff) << 4;
    size_t lead = (factor >> 16 & 0x3fff) << 4;
    size_t step = (factor >> 32 & 0x3fff) << 4;
    size_t at = begin + (turned
        ? i / 64 * lead + i % 64 * 2 + k / 8 * step + k % 8 * 128
        : i / 8 * step + i % 8 * 128 + k * 2);
    return (char *)dynamic() + (at ^ (at >> 7 & 7) << 4);
}

static float number(uint64_t factor, bool turned, unsigned i,
                    unsigned k)
{
    uint16_t upper;
    memcpy(&upper, element(factor, turned, i, k), 2);
    return __uint_as_float((unsigned)upper << 16);
}
static void note_factor(uint64_t factor, bool turned, unsigned rows,
                        const void *place, bool waited)
{
    for (unsigned p = current->number % 128; p < 2 * rows; p += 128)
        checker->operand(turned
            ? element(factor, true, p % (rows / 8) * 8, p / (rows / 8))
            : element(factor, false, p / 2, p % 2 * 8), 16, place,
            waited);
}

static void note_factors(const struct product *p, bool waited)
{
    if (checker == NULL)
        return;
    note_factor(p->a, p->a_turned, 64, p->place, waited);
    note_factor(p->b, p->b_turned, p->n, p->place, waited);
}

static void multiply(struct product *p)
{
    unsigned t = current->number % 128, lane = t % 32;
    unsigned row = t / 32 * 16 + lane / 4, column = lane % 4 * 2;
    float a[2][16], b[16];
    for (unsigned i = 0; i < 32; i++)
        a[i / 16][i % 16] = number(p->a, p->a_turned, row + i / 16 * 8,
                                   i % 16);
    for (unsigned j = 0; j < p->n / 4; j++) {
        for (unsigned k = 0; k < 16; k++)
            b[k] = number(p->b, p->b_turned, j / 2 * 8 + column + j % 2,
                          k);
        for (unsigned h = 0; h < 2; h++) {
            float sum = 0;
            for (unsigned k = 0; k < 16; k++)
                sum += a[h][k] * b[k];
            p->d[j / 2 * 4 + h * 2 + j % 2] += sum;
        }
    }
    p->done = true;
}
void wgmma_fence(void)
{
    keep_order();
    mine()->fenced = true;
}

void wgmma_commit(void)
{
    mine()->groups++;
}

static void same_product(unsigned, void *const *argument)
{
    const struct product *first = (const struct product *)argument[0];
    for (int l = 1; l < 32; l++) {
        const struct product *p = (const struct product *)argument[l];
        if (p == NULL || p->a != first->a || p->b != first->b)
            fail(NULL, 0, "the lanes of a warp give wgmma different "
                 "factors, at %s", place_of(first->place));
    }
}

static void begin(struct product p, const char *file, int line)
{
    struct worker *w = mine();
    std::pair<const char *, size_t> sum((const char *)p.d, 2 * p.n);
    p.group = w->groups;
    if (!w->fenced)
        fail(file, line, "wgmma without a wgmma_fence since its sums "
             "were written");
    if (std::find(w->sums.begin(), w->sums.end(), sum) == w->sums.end())
        w->sums.push_back(sum);
    meet_lanes("wgmma", ~0u, same_product, &p, file, line);
    note_factors(&p, false);
    w->pending.push_back(p);
    for (struct product &q : w->pending)
        if (order == RANDOM && !q.done && random_below(2) == 0)
            q.multiply(&q);
        else if (!q.done)
            break;
}

void wgmma(float *d, unsigned n, uint64_t a, uint64_t b, bool a_turned,
           bool b_turned, const char *file, int line)
{
    begin({ multiply, d, n, a, b, a_turned, b_turned, false, 0, PLACE },
          file, line);
}

void wgmma_wait(int left, const char *file, int line)
{
    struct worker *w = mine();
    size_t done = 0;
    for (struct product &p : w->pending) {
        if (p.group >= w->groups - left)
            break;
        note_factors(&p, true);
        if (!p.done)
            p.multiply(&p);
        done++;
    }
    w->pending.erase(w->pending.begin(), w->pending.begin() + done);
    sync_warp(~0u, file, line);
}
void own_access(const void *address, bool write, const void *place)
{
    const char *at = (const char *)address;
    struct worker *w = mine();
    for (const auto &sum : w->sums) {
        if (at < sum.first || at >= sum.first + sum.second)
            continue;
        for (const struct product &p : w->pending)
            if ((const char *)p.d == sum.first)
                fail(NULL, 0, "a sum of wgmma is used before it is "
                     "waited for, at %s", place_of(place));
        if (write)
            w->fenced = false;
    }
}

void nothing_is_left(unsigned threads)
{
    for (const struct tile &t : coming)
        if (t.rank == rank)
            fail(NULL, 0, "a block ends and has not waited for the "
                 "tile that it asked for at %s", place_of(t.place));
    for (unsigned i = 0; i < threads; i++) {
        if (!workers[rank][i].pending.empty())
            fail(NULL, 0, "a thread ends before its wgmma is waited "
                 "for, at %s",
                 place_of(workers[rank][i].pending[0].place));
        workers[rank][i] = {};
    }
}
static bool cut_sums;

void configure_sums(void)
{
    const char *s = getenv("EMULATOR_SUMS");
    cut_sums = s != NULL && strcmp(s, "14") == 0;
    if (s != NULL && !cut_sums)
        fail(NULL, 0, "EMULATOR_SUMS is 14, not '%s'", s);
}

/* of E4M3, as floats */
static void eights(float x[32], uint64_t factor, unsigned i)
{
    for (unsigned k = 0; k < 32; k++) {
        const char *two = element(factor, false, i, k / 2);
        unsigned code = (unsigned char)two[k % 2], size = code & 0x7f;
        float wide = ldexpf((float)(size < 8 ? size : 8 + size % 8),
                            size < 8 ? -9 : (int)size / 8 - 10);
        wide = size == 0x7f ? NAN : wide;
        x[k] = code & 0x80 ? -wide : wide;
    }
}

static float add_thirty_two(float sum, const float *a, const float *b)
{
    float most = fabsf(sum);
    int e;
    if (!cut_sums) {
        float all = 0;
        for (int k = 0; k < 32; k++)
            all += a[k] * b[k];
        return sum + all;
    }
    for (int k = 0; k < 32; k++)
        most = fmaxf(most, fabsf(a[k] * b[k]));
    frexpf(most, &e);
    double step = ldexp(1, e - 14), all = trunc((double)sum / step);
    for (int k = 0; k < 32; k++)
        all += trunc((double)(a[k] * b[k]) / step);
    return (float)(all * step);
}

static void multiply_eights(struct product *p)
{
    unsigned t = current->number % 128, lane = t % 32;
    unsigned row = t / 32 * 16 + lane / 4, column = lane % 4 * 2;
    float a[2][32], b[32];
    eights(a[0], p->a, row);
    eights(a[1], p->a, row + 8);
    for (unsigned j = 0; j < p->n / 4; j++) {
        eights(b, p->b, j / 2 * 8 + column + j % 2);
        for (unsigned h = 0; h < 2; h++) {
            float *d = &p->d[j / 2 * 4 + h * 2 + j % 2];
            *d = add_thirty_two(*d, a[h], b);
        }
    }
    p->done = true;
}

void wgmma_eight(float *d, unsigned n, uint64_t a, uint64_t b,
                 const char *file, int line)
{
    begin({ multiply_eights, d, n, a, b, false, false, false, 0,
            PLACE }, file, line);
}
}
