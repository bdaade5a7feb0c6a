/* wp_network_row_sums.h: a mean over rows that come one by one. */
#ifndef WP_NETWORK_ROW_SUMS_H
#define WP_NETWORK_ROW_SUMS_H

#include "wp_network.h"

/* Type of a sum: int16_t takes half the memory and holds 128 rows. */
#ifndef WP_NETWORK_ROW_SUM
#define WP_NETWORK_ROW_SUM int32_t
#endif

/* Sums of no row yet; bias is less input zero point * count. Added here and not at the end, where it would be a
 * constant beside a doubling: clang 22 for Xtensa has no instruction for those. */
static inline void wp_network_row_begin(int n, int bias, WP_NETWORK_ROW_SUM *sums)
{
    for (int i = 0; i < n; i++) {
        sums[i] = (WP_NETWORK_ROW_SUM)bias;
    }
}

/*   row   [n]
 *   sums  [n] */
static inline void wp_network_row_sums(int n, const int8_t *row, WP_NETWORK_ROW_SUM *sums)
{
    for (int i = 0; i < n; i++) {
        sums[i] = (WP_NETWORK_ROW_SUM)(sums[i] + row[i]);
    }
}

/* Means of what was summed. */
static inline void wp_network_row_means(
    int n, const WP_NETWORK_ROW_SUM *sums, int32_t multiplier, int shift, int output_zero_point, int8_t *y)
{
    for (int i = 0; i < n; i++) {
        const int32_t mean = wp_network_scale(sums[i], multiplier, shift);
        y[i] = (int8_t)wp_network_limit(mean + output_zero_point, -128, 127);
    }
}

#endif
