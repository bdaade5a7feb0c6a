/* wp_network_dense_fours.h: a layer on one vector, four channels at once. */
#ifndef WP_NETWORK_DENSE_FOURS_H
#define WP_NETWORK_DENSE_FOURS_H

#include "wp_network_fours.h"
#include "wp_network_linear.h"

/*   layer  weights [n_outputs / 4, rounded up][n_inputs][4], those of channels that are not there are 0
 *   x      [n_inputs]
 *   y      [n_outputs] must not overlap x */
static void wp_network_dense_fours(const wp_network_linear *layer, const int8_t *x, int8_t *y)
{
    const wp_network_linear local = *layer; /* in registers: y could be anywhere */
    const int8_t *weight = local.weights;
    for (int channel = 0; channel < local.n_outputs; channel += 4, weight += 4 * local.n_inputs) {
        const wp_network_four none = {0, 0, 0, 0};
        const wp_network_four sums = wp_network_fours(none, x, local.n_inputs, weight);
        const int rest = local.n_outputs - channel;
        y[channel] = (int8_t)wp_network_linear_quick(&local, channel, sums.a);
        if (rest > 1) {
            y[channel + 1] = (int8_t)wp_network_linear_quick(&local, channel + 1, sums.b);
        }
        if (rest > 2) {
            y[channel + 2] = (int8_t)wp_network_linear_quick(&local, channel + 2, sums.c);
        }
        if (rest > 3) {
            y[channel + 3] = (int8_t)wp_network_linear_quick(&local, channel + 3, sums.d);
        }
    }
}

#endif
