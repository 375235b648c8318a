#include "device/tensor_kernels.h"
#include "ground/bf16.h"
#include "ground/random.h"
#include "support/pair.h"
#include "support/suite.h"
#pragma weak tensor_multiply
#pragma weak tensor_load
#pragma weak tensor_round

// Registers in both memories
/* words of 32 bits, whatever they mean */
static uint32_t *words(struct pair p)
{
    return (uint32_t *)p.cpu.at;
}

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static int integer(uint64_t seed, int row, int column, int most)
{
    uint64_t n = (uint64_t)(row * 100 + column);
    return (int)random_below(seed, 0, n, 2 * (uint64_t)most + 1) - most;
}

// Tests of tensor instructions
/* fails if an element of a fragment is another's, in bf16 or in tf32;
   if factors are kept to fewer bits than they have; if d is lost */
START_TEST(gpu_mma_has_the_manuals_fragments)
{
    bool in_tf32 = _i == 1;
    int most = in_tf32 ? 1023 : 127, K = in_tf32 ? 8 : 16;
    pair_open();
    struct pair a = pair_unset(EXACT, 32, 4);
    struct pair b = pair_unset(EXACT, 32, 2);
    struct pair d = pair_unset(EXACT, 32, 4);
    struct pair start = pair_unset(EXACT, 32, 4);
    for (int lane = 0; lane < 32; lane++) {
        int group = lane >> 2, in_group = lane % 4;
        // Lay a and b into the registers of lane
        for (int i = 0; i < (in_tf32 ? 4 : 8); i++) {
            int row, column;
            if (in_tf32) {
                row = i == 0 || i == 2 ? group : group + 8;
                column = i < 2 ? in_group : in_group + 4;
            } else {
                row = i < 2 || (4 <= i && i < 6) ? group : group + 8;
                column = in_group * 2 + (i & 1) + (i < 4 ? 0 : 8);
            }
            float x = (float)integer(1, row, column, most);
            if (in_tf32)
                words(a)[lane * 4 + i] = bits_of(x);
            else
                ((bf16 *)a.cpu.at)[lane * 8 + i] = bf16_round(x);
        }
        for (int i = 0; i < (in_tf32 ? 2 : 4); i++) {
            int row = in_tf32 ? in_group + i * 4
                    : in_group * 2 + (i & 1) + (i < 2 ? 0 : 8);
            float x = (float)integer(2, row, group, most);
            if (in_tf32)
                words(b)[lane * 2 + i] = bits_of(x);
            else
                ((bf16 *)b.cpu.at)[lane * 4 + i] = bf16_round(x);
        }
        for (int i = 0; i < 4; i++) {
            int row = i < 2 ? group : group + 8;
            int column = in_group * 2 + (i & 1), sum = 1000 * lane + i;
            reals(start.cpu)[lane * 4 + i] = (real)sum;
            for (int k = 0; k < K; k++)
                sum += integer(1, row, k, most)
                     * integer(2, k, column, most);
            reals(d.cpu)[lane * 4 + i] = (real)sum;
        }
    }
    pair_upload(a);
    pair_upload(b);
    device_upload(&gpu, d.gpu, start.cpu.at);
    tensor_multiply(&gpu, (float *)d.gpu.at, (uint32_t *)a.gpu.at,
                    (uint32_t *)b.gpu.at, in_tf32);
    pair_same("d", d);
}
END_TEST

/* fails if a lane gets an element of another lane's, or a row is taken
   from another lane's address */
START_TEST(gpu_ldmatrix_hands_out_the_manuals_elements)
{
    bool turned = _i == 1;
    pair_open();
    struct pair rows = pair_unset(EXACT, 32, 4);    /* [32][8] halves */
    struct pair from = pair_unset(EXACT, 1, 32);
    struct pair r = pair_unset(EXACT, 32, 4);
    uint16_t *half = (uint16_t *)rows.cpu.at;
    for (uint32_t i = 0; i < 32 * 8; i++)
        half[i] = (uint16_t)(1000 + i);
    for (uint32_t l = 0; l < 32; l++)
        words(from)[l] = l * 7 % 32;
    for (uint32_t lane = 0; lane < 32; lane++)
        for (uint32_t i = 0; i < 4; i++) {
            uint32_t row = lane / 4, column = lane % 4 * 2, word = 0;
            for (uint32_t v = 0; v < 2; v++) {
                uint32_t m = turned ? column + v : row;
                uint32_t n = turned ? row : column + v;
                uint32_t of = words(from)[i * 8 + m];
                word |= (uint32_t)half[of * 8 + n] << 16 * v;
            }
            words(r)[lane * 4 + i] = word;
        }
    pair_upload(rows);
    pair_upload(from);
    tensor_load(&gpu, (uint32_t *)r.gpu.at, (uint16_t *)rows.gpu.at,
                (uint32_t *)from.gpu.at, turned);
    pair_same("r", r);
}
END_TEST

/* fails if a tie goes the wrong way, if a carry stops at the fraction,
   if infinities or NaNs become numbers, or halves change places */
START_TEST(gpu_rounds_to_bf16_and_tf32)
{
    static const float x[] = { 0, -0.0f, 1, 1 + 0x1p-11f,
        1 + 0x1p-10f + 0x1p-11f, -1 - 0x1p-11f, 1 + 0x1p-12f,
        2 - 0x1p-12f, 0x1.fffffep127f, INFINITY, -INFINITY,
        1 + 0x1p-8f, 1 + 0x1p-7f + 0x1p-8f, 3.14159f };
    static const float want[] = { 0, -0.0f, 1, 1 + 0x1p-10f,
        1 + 0x1p-9f, -1 - 0x1p-10f, 1, 2, INFINITY, INFINITY,
        -INFINITY, 1 + 0x1p-8f, 1 + 0x1p-7f + 0x1p-8f, 3.140625f };
    enum { COUNT = sizeof x / sizeof *x };
    pair_open();
    struct pair in = pair_unset(EXACT, 1, COUNT);
    struct pair got = pair_unset(EXACT, 2, COUNT);
    memcpy(in.cpu.at, x, sizeof x);
    for (int i = 0; i < COUNT; i++) {
        float next = i + 1 < COUNT ? x[i + 1] : 0;
        words(got)[i] = bits_of(want[i]);
        words(got)[COUNT + i] = bf16_round(x[i])
                              | (uint32_t)bf16_round(next) << 16;
    }
    pair_upload(in);
    tensor_round(&gpu, (uint32_t *)got.gpu.at, (float *)in.gpu.at,
                 COUNT);
    pair_same("rounded", got);
}
END_TEST

Suite *gpu_tensor_suite(void);
Suite *gpu_tensor_suite(void)
{
    Suite *s = suite_create("gpu_tensor");
    TCase *c = tcase_create("gpu_tensor");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, gpu_mma_has_the_manuals_fragments, 0, 2);
    tcase_add_loop_test(c, gpu_ldmatrix_hands_out_the_manuals_elements,
                        0, 2);
    tcase_add_test(c, gpu_rounds_to_bf16_and_tf32);
    return s;
}
