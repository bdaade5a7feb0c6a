/* wp_network_add.h: sums and differences of two tensors. */
#ifndef WP_NETWORK_ADD_H
#define WP_NETWORK_ADD_H

#include "wp_network.h"

typedef struct wp_network_add {
    int32_t multiplier_a;
    int32_t multiplier_b; /* less than 0: it is subtracted */
    int32_t multiplier;   /* of the sum */
    int8_t shift_a;
    int8_t shift_b;
    int8_t shift;
    int8_t left_shift; /* of both inputs, first */
    int8_t zero_point_a;
    int8_t zero_point_b;
    int8_t output_zero_point;
    int8_t low; /* limits of the output */
    int8_t high;
} wp_network_add;

static inline int32_t wp_network_add_scaled(int x, int zero_point, int left_shift, int32_t multiplier, int shift)
{
    return wp_network_scale((x - zero_point) * (1 << left_shift), multiplier, shift);
}

/*   step_a, step_b  how far to the next element: 0 repeats the first
 *   y               [n] may be a or b */
static void wp_network_sum(
    const wp_network_add *add, int32_t n, const int8_t *a, int step_a, const int8_t *b, int step_b, int8_t *y)
{
    const int32_t multiplier_b = add->multiplier_b < 0 ? -add->multiplier_b : add->multiplier_b;
    for (int32_t i = 0; i < n; i++, a += step_a, b += step_b) {
        const int32_t scaled_a =
            wp_network_add_scaled(*a, add->zero_point_a, add->left_shift, add->multiplier_a, add->shift_a);
        const int32_t scaled_b =
            wp_network_add_scaled(*b, add->zero_point_b, add->left_shift, multiplier_b, add->shift_b);
        const int32_t sum = add->multiplier_b < 0 ? scaled_a - scaled_b : scaled_a + scaled_b;
        const int32_t scaled = wp_network_scale(sum, add->multiplier, add->shift);
        *y++ = (int8_t)wp_network_limit(scaled + add->output_zero_point, add->low, add->high);
    }
}

#endif
