/* wp_network_exact.h: layers whose sums are scaled with two roundings, channel by channel. */
#ifndef WP_NETWORK_EXACT_H
#define WP_NETWORK_EXACT_H

#include "wp_network.h"

typedef struct wp_network_exact {
    const int8_t *weights;     /* dense [n_outputs][n_inputs], depthwise [n_inputs][n_outputs] */
    const int32_t *bias;       /* [n_outputs] less input zero point * sum of weights */
    const int32_t *multiplier; /* [n_outputs] */
    const int8_t *shift;       /* [n_outputs] */
    uint16_t n_inputs;         /* depthwise: taps */
    uint16_t n_outputs;
    int8_t output_zero_point;
    int8_t low; /* limits of the output */
    int8_t high;
} wp_network_exact;

static inline int32_t wp_network_exact_finish(const wp_network_exact *layer, int channel, int32_t sum)
{
    const int32_t scaled = wp_network_scale(sum, layer->multiplier[channel], layer->shift[channel]);
    return wp_network_limit(scaled + layer->output_zero_point, layer->low, layer->high);
}

#endif
