/* wp_network_row_sums.h: a mean over rows that come one by one. */
#ifndef WP_NETWORK_ROW_SUMS_H
#define WP_NETWORK_ROW_SUMS_H

#include "wp_network.h"

/* Type of a sum: int16_t takes half the memory and holds 256 rows. */
#ifndef WP_NETWORK_ROW_SUM
#define WP_NETWORK_ROW_SUM int32_t
#endif

/*   row   [n]
 *   sums  [n], 0 at first */
static inline void wp_network_row_sums(int n, const int8_t *row, WP_NETWORK_ROW_SUM *sums)
{
    for (int i = 0; i < n; i++) {
        sums[i] = (WP_NETWORK_ROW_SUM)(sums[i] + row[i]);
    }
}

/* Means of what was summed; bias is less input zero point * count. */
static inline void wp_network_row_means(
    int n, const WP_NETWORK_ROW_SUM *sums, int32_t bias, int32_t multiplier, int shift, int output_zero_point, int8_t *y)
{
    for (int i = 0; i < n; i++) {
        const int32_t mean = wp_network_scale(sums[i] + bias, multiplier, shift);
        y[i] = (int8_t)wp_network_limit(mean + output_zero_point, -128, 127);
    }
}

#endif
