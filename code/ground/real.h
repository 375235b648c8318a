#ifndef REAL_H
#define REAL_H
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include "ground/language.h"

// The type of our numbers
#ifdef REAL_IS_DOUBLE
typedef double real;
#define REAL_NAME "double"
#define REAL_EPSILON DBL_EPSILON
#else
typedef float real;
#define REAL_NAME "float"
#define REAL_EPSILON FLT_EPSILON
#endif

typedef int32_t token;      /* 0 .. vocabulary-1 */

// The exponential
#ifdef REAL_IS_DOUBLE
static inline double exponential(double x)
{
    return exp(x);
}
#else
// The exponential in single precision
/* e^x within 2 ulp; no branch and no call, so that loops vectorise */
static inline float exponential(float x)
{
    // Clamp x to where the answer is neither 0 nor infinite
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    // Split x into n times ln 2 and a small rest r
    const float magic = 0x1.8p23f;
    float shifted = x * 0x1.715476p0f + magic;      /* 1 / ln 2 */
    float n = shifted - magic;
    float r = x - n * 0x1.63p-1f - n * -0x1.bd0106p-13f;
    // Let p be the exponential of r
    float p = 1.0f / 5040;
    p = p * r + 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r * r + r + 1;
    // Multiply p by two to the n, in two steps
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    uint32_t k = bits - (0x4b400000u - 256);            /* n + 256 */
    uint32_t first = (k / 2 - 1) << 23, second = (k - k / 2 - 1) << 23;
    float a, b;
    memcpy(&a, &first, sizeof a);
    memcpy(&b, &second, sizeof b);
    p = p * a * b;
    return p;
}
#endif

#endif
