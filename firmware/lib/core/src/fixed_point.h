/* fixed_point.h: the integer arithmetic that features and answer share, docs/design.md. Private to the core. */
#ifndef WP_FIXED_POINT_H
#define WP_FIXED_POINT_H

#include "wp/types.h"

static inline int32_t limit(int32_t x, int32_t least, int32_t most)
{
    return x < least ? least : x > most ? most : x;
}

static inline int32_t larger(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* |x|, for every x: the negation is unsigned. */
static inline uint32_t magnitude(int32_t x)
{
    return x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
}

/* a / b to nearest, halves away from zero. |a| + b / 2 must stay below 2^32, b > 0. */
static inline int32_t round_divide(int32_t a, int32_t b)
{
    const uint32_t quotient = (magnitude(a) + (uint32_t)b / 2u) / (uint32_t)b;
    return a < 0 ? -(int32_t)quotient : (int32_t)quotient;
}

/* The same in 64 bits. |a| <= 2^62 and 0 < b < 2^32, so the sum stays below 2^63. */
static inline int64_t round_divide_64(int64_t a, uint32_t b)
{
    const uint64_t magnitude_64 = a < 0 ? 0u - (uint64_t)a : (uint64_t)a;
    const int64_t quotient = (int64_t)((magnitude_64 + b / 2u) / b);
    return a < 0 ? -quotient : quotient;
}

/* A value as a feature: limited to what float32 holds exactly. */
static inline int32_t saturate(int64_t x)
{
    return x < -WP_FEATURE_MAX ? -WP_FEATURE_MAX : x > WP_FEATURE_MAX ? WP_FEATURE_MAX : (int32_t)x;
}

#endif
