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
    const int8_t *weight = layer->weights;
    for (int channel = 0; channel < layer->n_outputs;) {
        int32_t sums[4] = {0, 0, 0, 0};
        weight = wp_network_fours(sums, x, layer->n_inputs, weight);
        for (int i = 0; i < 4 && channel < layer->n_outputs; i++, channel++) {
            y[channel] = wp_network_linear_output(layer, channel, sums[i]);
        }
    }
}

#endif
