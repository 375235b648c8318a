#include "boundary/connection.h"
#include <string.h>
// Headers of the connections
#include "boundary/residual.h"
#include "boundary/kinds.h"

// The table of connections
const struct connection *const connections[] = {
    // Connections
    &residual,
    &hc_static, &hc, &hc_three,
    &mhc, &identity,
    &mhc_lite, &krom,
    NULL
};

const struct connection *connection_find(const char *name)
{
    for (size_t i = 0; connections[i] != NULL; i++)
        if (strcmp(connections[i]->name, name) == 0)
            return connections[i];
    return NULL;
}

// Arrive at a site
void connection_arrive(const struct connection *k, const struct site *s)
{
    if (s->exit && k->leave != NULL)
        k->leave(s);
    else if (k->read != NULL)
        k->read(s);
    s->device->norm.forward(s->normed, s->inverse_rms, s->input,
                            s->gain, s->tokens, s->width);
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

// Cross a boundary
// Is the crossing fused?
static bool fused(const struct connection *k, const struct site *to)
{
    return k->cross != NULL && !(to->exit && k->leave != NULL);
}

// Connection cross
void connection_cross(const struct connection *k,
                      const struct site *from, const struct site *to)
{
    if (fused(k, to)) {
        k->cross(from, to);
    } else {
        k->write(to->stream, from);
        connection_arrive(k, to);
    }
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
