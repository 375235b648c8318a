#ifndef RESIDUAL_H
#define RESIDUAL_H
#include "boundary/connection.h"

/* x_{i+1} = x_i + F_i(x_i) [he2016identity] */
extern const struct connection residual;
#endif
