#include "layers/embedding.h"
#include "ground/sizes.h"
#include "support/compare.h"
#include "support/fill.h"
#include "support/suite.h"
#include <omp.h>

enum { TOKENS = 9, VOCABULARY = 5, WORDS = 256 };
static const token id[TOKENS] = { 4, 0, 2, 2, 0, 4, 4, 1, 0 };
static token all_ids[MANY];

static void fill_ids(size_t tokens)
{
    for (size_t t = 0; t < tokens; t++)
        all_ids[t] = tokens == TOKENS ? id[t]
                   : (token)(t * t / 3 % WORDS);
}

// Tests of the embedding
/* fails if row t of the table is copied, and not row id[t] */
START_TEST(embedding_copies_rows)
{
    size_t width = size_at(_i), tokens = rows_at(_i, TOKENS);
    real *w = test_reals(WORDS * width);
    real *want = test_reals(tokens * width);
    real *got = test_unset(tokens * width);
    fill_normal(w, WORDS * width, 1, 1);
    fill_ids(tokens);
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < width; c++)
            want[t * width + c] = w[(size_t)all_ids[t] * width + c];
    embedding_forward(got, all_ids, w, tokens, width);
    assert_same(got, want, tokens * width);
}
END_TEST
/* fails if the second of two equal tokens
   overwrites what the first has added */
START_TEST(embedding_adds_repeated_tokens)
{
    size_t width = size_at(_i), count = WORDS * width;
    size_t tokens = rows_at(_i, TOKENS);
    real *dout = test_reals(tokens * width);
    real *got = test_reals(count), *want = test_reals(count);
    fill_normal(dout, tokens * width, 2, 1);
    fill_normal(got, count, 3, 1);
    fill_ids(tokens);
    memcpy(want, got, count * sizeof(real));
    for (size_t t = 0; t < tokens; t++)
        for (size_t c = 0; c < width; c++)
            want[(size_t)all_ids[t] * width + c] += dout[t * width + c];
    embedding_backward(got, dout, all_ids, tokens, width);
    assert_same(got, want, count);
}
END_TEST

/* fails if backward adds to another row
   than the one that forward has read */
START_TEST(embedding_backward_is_the_transpose)
{
    enum { WIDTH = 70 };
    real *a = test_reals(TOKENS * WIDTH);
    real *sb = test_reals(TOKENS * WIDTH);
    real *b = test_reals(VOCABULARY * WIDTH);
    real *sa = test_reals(VOCABULARY * WIDTH);
    fill_integers(a, TOKENS * WIDTH, 4, 9);
    fill_integers(b, VOCABULARY * WIDTH, 5, 9);
    embedding_forward(sb, id, b, TOKENS, WIDTH);
    embedding_backward(sa, a, id, TOKENS, WIDTH);
    double forward = 0, backward = 0;
    for (size_t i = 0; i < TOKENS * WIDTH; i++)
        forward += (double)a[i] * (double)sb[i];
    for (size_t i = 0; i < VOCABULARY * WIDTH; i++)
        backward += (double)sa[i] * (double)b[i];
    ck_assert(forward != 0 && forward == backward);
}
END_TEST

/* fails if threads share the tokens, and add to the same row */
START_TEST(embedding_does_not_depend_on_threads)
{
    enum { WIDTH = 200, COUNT = VOCABULARY * WIDTH };
    real *dout = test_reals(TOKENS * WIDTH), *dw[3];
    fill_normal(dout, TOKENS * WIDTH, 6, 1);
    for (int k = 0; k < 3; k++) {
        dw[k] = test_reals(COUNT);
        omp_set_num_threads(k + 1);
        embedding_backward(dw[k], dout, id, TOKENS, WIDTH);
    }
    assert_same(dw[1], dw[0], COUNT);
    assert_same(dw[2], dw[0], COUNT);
}
END_TEST

Suite *embedding_suite(void);
Suite *embedding_suite(void)
{
    Suite *s = suite_create("embedding");
    TCase *c = tcase_create("embedding");
    suite_add_tcase(s, c);
    tcase_add_loop_test(c, embedding_copies_rows, 0, SIZES);
    tcase_add_loop_test(c, embedding_adds_repeated_tokens, 0, SIZES);
    tcase_add_test(c, embedding_backward_is_the_transpose);
    tcase_add_test(c, embedding_does_not_depend_on_threads);
    return s;
}
