/* wp_network_depthwise.h: a layer channel by channel, on the values under one window. */
#ifndef WP_NETWORK_DEPTHWISE_H
#define WP_NETWORK_DEPTHWISE_H

#include "wp_network_linear.h"

/*   layer   weights [taps][n_outputs]
 *   repeat  outputs a channel
 *   x       [taps][n_outputs / repeat]
 *   y       [n_outputs] must not overlap x */
static void wp_network_depthwise(const wp_network_linear *layer, int repeat, const int8_t *x, int8_t *y)
{
    const int n_channels = layer->n_outputs / repeat;
    int output = 0;
    for (int channel = 0; channel < n_channels; channel++) {
        for (int i = 0; i < repeat; i++, output++) {
            const int8_t *value = x + channel;
            const int8_t *weight = layer->weights + output;
            int32_t sum = 0;
            for (int tap = 0; tap < layer->n_inputs; tap++, value += n_channels, weight += layer->n_outputs) {
                sum += *value * *weight;
            }
            y[output] = (int8_t)wp_network_linear_output(layer, output, sum);
        }
    }
}

#endif
