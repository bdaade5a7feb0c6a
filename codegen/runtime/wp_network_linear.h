/* wp_network_linear.h: layers whose outputs are one line over their sums.
 *
 * A line is a multiplier and an offset a channel, which codegen has found to give the same output as scaling with two
 * roundings does, for every sum the weights can have; bias and zero points are in the offset. Outputs up to the zero
 * point are rounded to the other side, which takes a second line, lower by 2^drop. */
#ifndef WP_NETWORK_LINEAR_H
#define WP_NETWORK_LINEAR_H

#include <stddef.h>

#include "wp_network.h"

/* Limits of the outputs: constants where all layers have the same. */
#ifndef WP_NETWORK_LINEAR_LOW
#define WP_NETWORK_LINEAR_LOW layer->low
#endif
#ifndef WP_NETWORK_LINEAR_HIGH
#define WP_NETWORK_LINEAR_HIGH layer->high
#endif

typedef struct wp_network_linear {
    const int8_t *weights; /* as the kernel wants them */
    const int32_t *line;   /* [n_outputs][multiplier, offset] */
    const int8_t *drop;    /* [n_outputs], or NULL where there is no second line */
    int32_t above;         /* values below this are on the second line; INT32_MIN: none is */
    uint16_t n_inputs;     /* depthwise: taps */
    uint16_t n_outputs;
    int8_t left;  /* shift of the sum */
    int8_t right; /* shift of the value */
    int8_t low;   /* limits of the output */
    int8_t high;
} wp_network_linear;

/* Inlined even where the compiler saves bytes, for kernels that are to be quick. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_NETWORK_ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define WP_NETWORK_ALWAYS_INLINE static inline
#endif

WP_NETWORK_ALWAYS_INLINE int32_t wp_network_linear_quick(const wp_network_linear *layer, int channel, int32_t sum)
{
    const int32_t *const line = layer->line + 2 * channel;
    const int32_t wide = (int32_t)((uint32_t)sum << layer->left);
    int32_t value = (int32_t)(((int64_t)wide * line[0]) >> 32) + line[1];
    if (value < layer->above) {
        value -= 1 << layer->drop[channel];
    }
    return wp_network_limit(value >> layer->right, WP_NETWORK_LINEAR_LOW, WP_NETWORK_LINEAR_HIGH);
}

static inline int32_t wp_network_linear_output(const wp_network_linear *layer, int channel, int32_t sum)
{
    return wp_network_linear_quick(layer, channel, sum);
}

#endif
