#include <assert.h>
#include "corpus/batches.h"
#include "ground/memory.h"
#include "ground/random.h"

// Cut a window out of a text
void window_cut(token *input, token *target, struct text t,
                size_t start, size_t context)
{
    assert(start + context < t.size);
    for (size_t i = 0; i < context; i++) {
        input[i] = t.byte[start + i];
        target[i] = t.byte[start + i + 1];
    }
}

// Shift the tiling
size_t epoch_offset(const struct batches *b, size_t epoch)
{
    size_t room = b->text.size - 1 - b->windows * b->context;
    return random_below(b->seed, random_stream("epoch.offset"), epoch,
                        room + 1);
}

// Shuffle the windows of an epoch
// Epoch order
void epoch_order(size_t *order, size_t windows, uint64_t seed,
                 size_t epoch)
{
    uint64_t stream = random_stream("epoch.order") + epoch;
    for (size_t i = 0; i < windows; i++)
        order[i] = i;
    for (size_t i = windows; i > 1; i--) {
        size_t j = random_below(seed, stream, i, i);
        size_t last = order[i - 1];
        order[i - 1] = order[j];
        order[j] = last;
    }
}

// Open and close batches
bool batches_open(struct batches *b, struct text text, size_t context,
                  uint64_t seed, struct message *m)
{
    assert(context >= 1 && text.size > context);
    size_t fit = (text.size - 1) / context;
    *b = (struct batches){
        .text = text, .context = context, .seed = seed,
        .windows = fit > 1 ? fit - 1 : 1,
    };
    b->order = memory_new(b->windows, sizeof *b->order, m);
    if (!b->order)
        return false;
    epoch_order(b->order, b->windows, seed, b->epoch);
    return true;
}

void batches_close(struct batches *b)
{
    memory_free(b->order);
    *b = (struct batches){ 0 };
}

// Fill a batch
struct position batches_fill(token *input, token *target,
                             struct batches *b, struct position p,
                             size_t sequences)
{
    for (size_t s = 0; s < sequences; s++) {
        assert(p.index < b->windows);
        if (b->epoch != p.epoch) {
            epoch_order(b->order, b->windows, b->seed, p.epoch);
            b->epoch = p.epoch;
        }
        size_t start = epoch_offset(b, p.epoch)
            + b->order[p.index] * b->context;
        window_cut(input + s * b->context, target + s * b->context,
                   b->text, start, b->context);
        // Step to the next position
        if (++p.index == b->windows)
            p = (struct position){ .epoch = p.epoch + 1, .index = 0 };
    }
    return p;
}

// Cut a text so that every byte is predicted once
size_t windows_of(size_t size, size_t context)
{
    assert(size > context);
    return (size - 1 + context - 1) / context;
}

struct window window_of(size_t size, size_t context, size_t i)
{
    assert(i < windows_of(size, context));
    size_t start = i * context, last = size - 1 - context;
    return start <= last ? (struct window){ start, 0 }
                         : (struct window){ last, start - last };
}
