/* wp_network_softmax.h: shares of exponentials. */
#ifndef WP_NETWORK_SOFTMAX_H
#define WP_NETWORK_SOFTMAX_H

#include "wp_network.h"

#define WP_NETWORK_SOFTMAX_SUM_BITS 12 /* integer bits of the sum: up to 4096 elements */

/* 1 / (1 + x) for 0 <= x < 1, as fractions of 2^31, by three steps of Newton's method from a line. */
static inline int32_t wp_network_softmax_reciprocal(int32_t x)
{
    const int32_t half = (1 << 30) + (x >> 1);
    int32_t guess = 1515870810 + wp_network_high(half, -1010580540); /* 48/17 - 32/17 * half, 29 fraction bits */
    for (int i = 0; i < 3; i++) {
        const int32_t error = (1 << 29) - wp_network_high(half, guess);
        guess += wp_network_high(guess, error) * 4;
    }
    return guess > 0x3fffffff ? INT32_MAX : guess * 2;
}

/*   exponentials  [256] of largest - x, fractions of 2^31
 *   n_counted     differences from here on give -128
 *   y             [n] may be x */
static void wp_network_softmax(const int32_t *exponentials, int n_counted, int n, const int8_t *x, int8_t *y)
{
    int largest = -128;
    for (int i = 0; i < n; i++) {
        largest = x[i] > largest ? x[i] : largest;
    }
    int32_t sum = 0;
    for (int i = 0; i < n; i++) {
        if (largest - x[i] < n_counted) {
            sum += wp_network_halve(exponentials[largest - x[i]], WP_NETWORK_SOFTMAX_SUM_BITS - 1);
        }
    }
    int headroom = 0;
    uint32_t normal = (uint32_t)sum;
    while (normal < 0x80000000u) { /* the largest alone gives 2^19: at most 12 turns */
        normal <<= 1;
        headroom++;
    }
    const int32_t factor = wp_network_softmax_reciprocal((int32_t)(normal - 0x80000000u));
    for (int i = 0; i < n; i++) {
        int share = -128;
        if (largest - x[i] < n_counted) {
            const int32_t part = wp_network_high(exponentials[largest - x[i]], factor);
            share = wp_network_halve(part, WP_NETWORK_SOFTMAX_SUM_BITS - headroom + 31 - 8 - 1) - 128;
        }
        y[i] = (int8_t)wp_network_limit(share, -128, 127);
    }
}

#endif
