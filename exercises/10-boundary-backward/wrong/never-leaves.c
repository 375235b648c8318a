/* expect: an exit that read and did not leave */
#include "boundary/connection.h"

enum { LEAVES = false, ZERO = true, ARRIVES_FIRST = true };
#define ADD (k->read == NULL)

// A wrong arrival
void connection_arrive_backward(const struct connection *k,
                                const struct site *s)
{
    s->device->norm.backward(s->dinput, s->dgain, s->dnormed, s->input,
                             s->inverse_rms, s->gain, s->tokens,
                             s->width, ADD);
    if (LEAVES && s->exit && k->leave != NULL)
        k->leave_backward(s);
    else if (k->read != NULL)
        k->read_backward(s);
}

// A wrong crossing
void connection_cross_backward(const struct connection *k,
                               const struct site *from,
                               const struct site *to)
{
    if (to->exit && ZERO) {
        // Start the gradients of the exit at zero
        const struct device *d = to->device;
        d->zero(to->dstream, to->tokens * to->streams * to->width, ROUNDED);
        if (k->coefficients != NULL)
            d->zero(to->dcoefficients,
                    to->tokens * k->coefficients(k, to->streams), EXACT);
    }
    if (k->cross != NULL && !(to->exit && k->leave != NULL)) {
        k->cross_backward(from, to);
        return;
    }
    if (ARRIVES_FIRST)
        connection_arrive_backward(k, to);
    k->write_backward(from, to->dstream);
    if (!ARRIVES_FIRST)
        connection_arrive_backward(k, to);
}
