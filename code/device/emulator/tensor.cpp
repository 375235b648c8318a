#include "emulator.h"

using namespace emulator;

struct product { float *d; const unsigned *a, *b; };

/* number v of the V that a register has */
template <int V> static float number(unsigned word, int v)
{
    if (V == 1 && (word & 0x1fff) != 0)
        fail(current->file, current->line, "%s: %08x is no tf32: it "
             "was not rounded", current->operation, word);
    return __uint_as_float(V == 1 ? word : word >> 16 * v << 16);
}

template <int V> static void multiply(unsigned lanes,
                                      void *const *argument)
{
    float a[16][8 * V], b[8 * V][8];
    if (lanes != ~0u)
        fail(current->file, current->line, "%s: lanes %08x alone",
             current->operation, lanes);
    for (int l = 0; l < 32; l++) {
        const struct product *p = (const struct product *)argument[l];
        for (int v = 0; v < V; v++) {
            int k = l % 4 * V + v;
            for (int r = 0; r < 4; r++)
                a[l / 4 + r % 2 * 8][k + r / 2 * 4 * V]
                    = number<V>(p->a[r], v);
            for (int r = 0; r < 2; r++)
                b[k + r * 4 * V][l / 4] = number<V>(p->b[r], v);
        }
    }
    for (int l = 0; l < 32; l++)
        for (int i = 0; i < 4; i++) {
            float sum = 0;
            for (int k = 0; k < 8 * V; k++)
                sum += a[l / 4 + i / 2 * 8][k]
                     * b[k][l % 4 * 2 + i % 2];
            ((struct product *)argument[l])->d[i] += sum;
        }
}

void mma_bf16(float d[4], const unsigned a[4], const unsigned b[2],
              const char *file, int line)
{
    struct product p = { d, a, b };
    meet_lanes("mma_bf16", ~0u, multiply<2>, &p, file, line);
}

void mma_tf32(float d[4], const unsigned a[4], const unsigned b[2],
              const char *file, int line)
{
    struct product p = { d, a, b };
    meet_lanes("mma_tf32", ~0u, multiply<1>, &p, file, line);
}

struct load { unsigned *r; const void *row; bool turned; };

static void load_lanes(unsigned lanes, void *const *argument)
{
    struct load *const *of = (struct load *const *)argument;
    if (lanes != ~0u)
        fail(current->file, current->line, "%s: lanes %08x alone",
             current->operation, lanes);
    for (int q = 0; q < 4; q++) {
        uint16_t m[8][8];
        for (int i = 0; i < 8; i++)
            memcpy(m[i], of[8 * q + i]->row, sizeof m[i]);
        for (int l = 0; l < 32; l++) {
            int i = l / 4, j = l % 4 * 2;
            bool t = of[l]->turned;
            of[l]->r[q] = (t ? m[j][i] : m[i][j])
                        | (unsigned)(t ? m[j + 1][i] : m[i][j + 1])
                          << 16;
        }
    }
}

static void load(unsigned r[4], const void *row, bool turned,
                 const void *place, const char *file, int line)
{
    struct load mine = { r, row, turned };
    if ((uintptr_t)row % 16 != 0)
        fail(file, line, "ldmatrix of a row that is not aligned to 16 "
             "bytes");
    note(row, 16, READ, place);
    meet_lanes("ldmatrix", ~0u, load_lanes, &mine, file, line);
}

void ldmatrix_4(unsigned r[4], const void *row, const char *file,
                int line)
{
    load(r, row, false, __builtin_return_address(0), file, line);
}

void ldmatrix_4_turned(unsigned r[4], const void *row, const char *file,
                       int line)
{
    load(r, row, true, __builtin_return_address(0), file, line);
}

unsigned tf32(float x)
{
    unsigned bits = __float_as_uint(x);
    return (std::isnan(x) ? bits | 0x400000 : bits + 0x1000) & ~0x1fffu;
}

unsigned pack_bf16(float low, float high)
{
    unsigned both = 0;
    for (float x : { high, low }) {
        unsigned bits = __float_as_uint(x);
        bits = std::isnan(x) ? 0x7fff0000
                             : bits + 0x7fff + (bits >> 16 & 1);
        both = both << 16 | bits >> 16;
    }
    return both;
}
