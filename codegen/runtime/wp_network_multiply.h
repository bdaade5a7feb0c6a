/* wp_network_multiply.h: products of two tensors. */
#ifndef WP_NETWORK_MULTIPLY_H
#define WP_NETWORK_MULTIPLY_H

#include "wp_network.h"

typedef struct wp_network_multiply {
    int32_t multiplier;
    int8_t shift;
    int8_t zero_point_a;
    int8_t zero_point_b;
    int8_t output_zero_point;
    int8_t low; /* limits of the output */
    int8_t high;
} wp_network_multiply;

/*   step_a, step_b  how far to the next element: 0 repeats the first
 *   y               [n] may be a or b */
static void wp_network_product(
    const wp_network_multiply *by, int32_t n, const int8_t *a, int step_a, const int8_t *b, int step_b, int8_t *y)
{
    for (int32_t i = 0; i < n; i++, a += step_a, b += step_b) {
        const int32_t product = (*a - by->zero_point_a) * (*b - by->zero_point_b);
        const int32_t scaled = wp_network_scale(product, by->multiplier, by->shift);
        *y++ = (int8_t)wp_network_limit(scaled + by->output_zero_point, by->low, by->high);
    }
}

#endif
