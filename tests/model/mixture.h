#ifndef MIXTURE_H
#define MIXTURE_H
#include "model/sublayer.h"
/* A sublayer that the program does not have; on the cpu only.
   y = sum of two experts e: g_e W2_e tanh(W1_e x), g = softmax(G x) */
extern const struct sublayer mixture;
#endif
