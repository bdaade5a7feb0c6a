/* wp_network_row_sums.h: a mean over rows that come one by one. */
#ifndef WP_NETWORK_ROW_SUMS_H
#define WP_NETWORK_ROW_SUMS_H

#include "wp_network.h"

/*   row   [n]
 *   sums  [n], 0 at first */
static inline void wp_network_row_sums(int n, const int8_t *row, int32_t *sums)
{
    for (int i = 0; i < n; i++) {
        sums[i] += row[i];
    }
}

/* Means of what was summed; bias is less input zero point * count. */
static inline void wp_network_row_means(
    int n, const int32_t *sums, int32_t bias, int32_t multiplier, int shift, int output_zero_point, int8_t *y)
{
    for (int i = 0; i < n; i++) {
        const int32_t mean = wp_network_scale(sums[i] + bias, multiplier, shift);
        y[i] = wp_network_limit(mean + output_zero_point, -128, 127);
    }
}

#endif
