#include <assert.h>
#include "corpus/counts.h"
#include "ground/memory.h"

struct counts {
    size_t *pair;           /* [256^k][256]: context, byte */
    size_t *context;        /* [256^k] */
};

// Number the context before a byte
static size_t context_before(struct text t, size_t i, size_t k)
{
    size_t context = 0;
    for (size_t j = i - k; j < i; j++)
        context = context * 256 + t.byte[j];
    return context;
}

// Count a text
static bool count_text(struct counts *n, struct text t, size_t k,
                       struct message *m)
{
    size_t contexts = (size_t)1 << (8 * k);
    n->context = memory_new(contexts, sizeof *n->context, m);
    n->pair = memory_new(contexts * 256, sizeof *n->pair, m);
    if (!n->context || !n->pair)
        return false;
    for (size_t i = k; i < t.size; i++) {
        size_t context = context_before(t, i, k);
        n->context[context]++;
        n->pair[context * 256 + t.byte[i]]++;
    }
    return true;
}

// The probability of the byte at i
static double probability(const struct counts *n, size_t order,
                          struct text t, size_t i)
{
    double p = 1.0 / 256;
    for (size_t k = 0; k < order && k <= i; k++) {
        size_t context = context_before(t, i, k);
        size_t pair = n[k].pair[context * 256 + t.byte[i]];
        p = ((double)pair + COUNTS_SMOOTHING * p)
            / ((double)n[k].context[context] + COUNTS_SMOOTHING);
    }
    return p;
}

// The loss of the tables
bool counts_loss(double *nats, struct text held_out,
                 struct text training, size_t order,
                 struct message *m)
{
    assert(order >= 1 && order <= COUNTS_MOST_ORDER);
    assert(held_out.size >= 2);
    struct counts n[COUNTS_MOST_ORDER] = { 0 };
    bool well = true;
    for (size_t k = 0; k < order && well; k++)
        well = count_text(&n[k], training, k, m);
    double sum = 0;
    for (size_t i = 1; i < held_out.size && well; i++)
        sum -= log(probability(n, order, held_out, i));
    *nats = sum / (double)(held_out.size - 1);
    for (size_t k = 0; k < order; k++) {
        memory_free(n[k].context);
        memory_free(n[k].pair);
    }
    return well;
}
