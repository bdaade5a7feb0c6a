/* wp_network_exact_depthwise.h: a layer channel by channel, on the values under one window. */
#ifndef WP_NETWORK_EXACT_DEPTHWISE_H
#define WP_NETWORK_EXACT_DEPTHWISE_H

#include "wp_network_exact.h"

/*   repeat  outputs a channel
 *   x       [taps][n_outputs / repeat]
 *   y       [n_outputs] must not overlap x */
static void wp_network_exact_depthwise(const wp_network_exact *layer, int repeat, const int8_t *x, int8_t *y)
{
    const int n_channels = layer->n_outputs / repeat;
    int output = 0;
    for (int channel = 0; channel < n_channels; channel++) {
        for (int i = 0; i < repeat; i++, output++) {
            int32_t sum = layer->bias[output];
            for (int tap = 0; tap < layer->n_inputs; tap++) {
                sum += x[tap * n_channels + channel] * layer->weights[tap * layer->n_outputs + output];
            }
            y[output] = (int8_t)wp_network_exact_finish(layer, output, sum);
        }
    }
}

#endif
