#include "boundary/connection.h"

void connection_arrive_backward(const struct connection *k,
                                const struct site *s)
{
    (void)k; (void)s;
}

void connection_cross_backward(const struct connection *k,
                               const struct site *from,
                               const struct site *to)
{
    (void)k; (void)from; (void)to;
}
