/* wp_network.h: the roundings all kernels of networks share, those of TensorFlow Lite Micro.
 *
 * A scaling is a multiplier and a shift: x * multiplier / 2^31 * 2^shift. The product loses 31 bits to the nearest,
 * halves up; a shift to the right then rounds to the nearest, halves away from zero. Both roundings count: one instead
 * of two changes the last bit. Right shifts of negative numbers are arithmetic on every compiler this is meant for. */
#ifndef WP_NETWORK_H
#define WP_NETWORK_H

#include <stdint.h>

_Static_assert((-3 >> 1) == -2, "right shifts have to be arithmetic");

/* x * multiplier / 2^31, nearest, halves up; not both INT32_MIN. */
static inline int32_t wp_network_high(int32_t x, int32_t multiplier)
{
    return (int32_t)(((int64_t)x * multiplier + (1 << 30)) >> 31);
}

/* The same for -2^30 <= x < 2^30, in fewer instructions: the bit below the upper half rounds. */
static inline int32_t wp_network_high_of_small(int32_t x, int32_t multiplier)
{
    const int64_t product = (int64_t)(x * 2) * multiplier;
    return (int32_t)(product >> 32) + (int32_t)((uint32_t)product >> 31);
}

/* x / 2^(bits + 1), nearest, halves away from zero; |x| < 2^31 - 1. */
static inline int32_t wp_network_halve(int32_t x, int bits)
{
    return (((x + (x >> 31)) >> bits) + 1) >> 1;
}

/* x times a scaling; -2^30 <= x < 2^30. A shift to the left wraps. */
static inline int32_t wp_network_scale(int32_t x, int32_t multiplier, int shift)
{
    if (shift < 0) {
        return wp_network_halve(wp_network_high_of_small(x, multiplier), -1 - shift);
    }
    return wp_network_high((int32_t)((uint32_t)x << shift), multiplier);
}

static inline int32_t wp_network_limit(int32_t x, int32_t low, int32_t high)
{
    return x < low ? low : x > high ? high : x;
}

#endif
