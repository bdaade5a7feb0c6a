/* wp_network_mean.h: means over axes. */
#ifndef WP_NETWORK_MEAN_H
#define WP_NETWORK_MEAN_H

#include "wp_network.h"

typedef struct wp_network_mean {
    int32_t n[5]; /* sizes of axes: kept, summed, kept, summed, kept */
    int32_t bias; /* less input zero point * count */
    int32_t multiplier;
    int8_t shift;
    int8_t output_zero_point;
} wp_network_mean;

/*   x  [n[0]][n[1]][n[2]][n[3]][n[4]]
 *   y  [n[0]][n[2]][n[4]] must not overlap x */
static void wp_network_mean_of(const wp_network_mean *mean, const int8_t *x, int8_t *y)
{
    const int32_t *const n = mean->n;
    const int32_t last = n[3] * n[4];
    for (int32_t i = 0; i < n[0]; i++, x += n[1] * n[2] * last) {
        for (int32_t k = 0; k < n[2]; k++) {
            for (int32_t m = 0; m < n[4]; m++) {
                int32_t sum = mean->bias;
                for (int32_t j = 0; j < n[1]; j++) {
                    for (int32_t l = 0; l < n[3]; l++) {
                        sum += x[(j * n[2] + k) * last + l * n[4] + m];
                    }
                }
                sum = wp_network_scale(sum, mean->multiplier, mean->shift) + mean->output_zero_point;
                *y++ = (int8_t)wp_network_limit(sum, -128, 127);
            }
        }
    }
}

#endif
