#include "boundary/connection.h"

// Is the crossing fused?
static bool fused(const struct connection *k, const struct site *to)
{
    return k->cross != NULL && !(to->exit && k->leave != NULL);
}

// Arrive, backward
void connection_arrive_backward(const struct connection *k,
                                const struct site *s)
{
    s->device->norm.backward(s->dinput, s->dgain, s->dnormed, s->input,
                             s->inverse_rms, s->gain, s->tokens,
                             s->width, k->read == NULL);
    if (s->exit && k->leave != NULL)
        k->leave_backward(s);
    else if (k->read != NULL)
        k->read_backward(s);
}

// Connection cross, backward
void connection_cross_backward(const struct connection *k,
                               const struct site *from,
                               const struct site *to)
{
    if (to->exit) {
        // Start the gradients of the exit at zero
        const struct device *d = to->device;
        d->zero(to->dstream, to->tokens * to->streams * to->width, ROUNDED);
        if (k->coefficients != NULL)
            d->zero(to->dcoefficients,
                    to->tokens * k->coefficients(k, to->streams), EXACT);
    }
    if (fused(k, to)) {
        k->cross_backward(from, to);
    } else {
        connection_arrive_backward(k, to);
        k->write_backward(from, to->dstream);
    }
}
