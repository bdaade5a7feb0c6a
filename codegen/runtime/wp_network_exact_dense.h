/* wp_network_exact_dense.h: a layer on one vector. */
#ifndef WP_NETWORK_EXACT_DENSE_H
#define WP_NETWORK_EXACT_DENSE_H

#include "wp_network_exact.h"

/*   x  [n_inputs]
 *   y  [n_outputs] must not overlap x */
static void wp_network_exact_dense(const wp_network_exact *layer, const int8_t *x, int8_t *y)
{
    const int8_t *weight = layer->weights;
    for (int channel = 0; channel < layer->n_outputs; channel++) {
        int32_t sum = layer->bias[channel];
        for (int i = 0; i < layer->n_inputs; i++) {
            sum += x[i] * *weight++;
        }
        y[channel] = (int8_t)wp_network_exact_finish(layer, channel, sum);
    }
}

#endif
