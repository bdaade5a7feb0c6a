/* wp_network_fours.h: sums of four channels at once. Each input is loaded once for four weights, and no sum leaves its
 * register. */
#ifndef WP_NETWORK_FOURS_H
#define WP_NETWORK_FOURS_H

#include <stdint.h>

/* 0: no vector has an odd number of inputs. */
#ifndef WP_NETWORK_FOURS_ODD
#define WP_NETWORK_FOURS_ODD 1
#endif

/* 1: two inputs a turn, for fewer instructions. */
#ifndef WP_NETWORK_FOURS_PAIRS
#define WP_NETWORK_FOURS_PAIRS 1
#endif

typedef struct wp_network_four {
    int32_t a;
    int32_t b;
    int32_t c;
    int32_t d;
} wp_network_four;

/*   weight  [4] */
static inline wp_network_four wp_network_four_step(wp_network_four sums, int32_t x, const int8_t *weight)
{
    sums.a += x * weight[0];
    sums.b += x * weight[1];
    sums.c += x * weight[2];
    sums.d += x * weight[3];
    return sums;
}

/* Four sums, added to those given.
 *
 *   x       [n], n > 0
 *   weight  [n][4] */
static inline wp_network_four wp_network_fours(wp_network_four sums, const int8_t *x, int n, const int8_t *weight)
{
    const int8_t *const end = weight + 4 * n;
#if WP_NETWORK_FOURS_PAIRS
    if (WP_NETWORK_FOURS_ODD && (n & 1) != 0) {
        sums = wp_network_four_step(sums, *x++, weight);
        weight += 4;
        if (weight == end) {
            return sums;
        }
    }
    do { /* two at a time: four spill registers */
        sums = wp_network_four_step(sums, x[0], weight);
        sums = wp_network_four_step(sums, x[1], weight + 4);
        x += 2;
        weight += 8;
    } while (weight != end);
#else
    do {
        sums = wp_network_four_step(sums, *x++, weight);
        weight += 4;
    } while (weight != end);
#endif
    return sums;
}

#endif
