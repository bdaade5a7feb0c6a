/* wp_network_fours.h: sums of four channels at once. Each input is loaded once for four weights, and no sum leaves its
 * register. */
#ifndef WP_NETWORK_FOURS_H
#define WP_NETWORK_FOURS_H

#include <stdint.h>

#define WP_NETWORK_FOURS_STEP(i) \
    do { \
        const int32_t value = x[i]; \
        a += value * weight[4 * (i)]; \
        b += value * weight[4 * (i) + 1]; \
        c += value * weight[4 * (i) + 2]; \
        d += value * weight[4 * (i) + 3]; \
    } while (0)

/* Adds to four sums.
 *
 *   x       [n], n > 0
 *   weight  [n][4]; returns where they end */
static inline const int8_t *wp_network_fours(int32_t sums[4], const int8_t *x, int n, const int8_t *weight)
{
    const int8_t *const end = x + n;
    int32_t a = sums[0];
    int32_t b = sums[1];
    int32_t c = sums[2];
    int32_t d = sums[3];
    if (n & 1) {
        WP_NETWORK_FOURS_STEP(0);
        x++;
        weight += 4;
    }
    while (x != end) {
        WP_NETWORK_FOURS_STEP(0);
        WP_NETWORK_FOURS_STEP(1);
        x += 2;
        weight += 8;
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    sums[3] = d;
    return weight;
}

#endif
