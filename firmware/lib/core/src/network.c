#include "wp/network.h"

#include <string.h>

#include "wp/crc32.h"

#define SPAN 254u /* from -127 to 127 */

/* Within the loop over all inputs, where a call would cost as much again. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_ALWAYS_INLINE static inline __attribute__((always_inline))
#else
#define WP_ALWAYS_INLINE static inline
#endif

/* 0 to 254 above the lowest, of x above the offset. Both lie within +-WP_FEATURE_MAX: their difference is below 2^25,
 * times 127 below 2^32. Rounded by the last bit that is lost. */
WP_ALWAYS_INLINE uint32_t steps_above(const wp_network_input *input, int32_t x)
{
    const uint32_t product = (uint32_t)(x - input->offset) * input->multiplier;
    const uint32_t scaled = input->shift == 0 ? product : ((product >> (input->shift - 1u)) + 1u) >> 1;
    return scaled < SPAN ? scaled : SPAN;
}

WP_ALWAYS_INLINE int8_t encoded(const wp_network_input *input, int32_t x)
{
    if (x == WP_MISSING) {
        return WP_NETWORK_MISSING;
    }
    return (int8_t)(x <= input->offset ? -127 : (int32_t)steps_above(input, x) - 127);
}

void wp_network_encode(const wp_network_input inputs[], size_t n, const int32_t x[WP_N_FEATURES], int8_t out[])
{
    for (size_t k = 0; k < n; k++) {
        out[k] = encoded(&inputs[k], x[inputs[k].feature]);
    }
}

static void begin_charge(const wp_network *network)
{
    wp_network_memory *memory = network->memory;

    memory->ticks = 0;
    for (size_t k = 0; k < network->n_kept; k++) {
        memory->input[network->kept_at + k] = network->kept_zero;
    }
    network->reset(memory->arena);
}

/* The window moves on by a row, or the state becomes the next. */
static void keep(const wp_network *network)
{
    int8_t *kept = network->memory->input + network->kept_at;

    if (network->n_row == 0) {
        memcpy(kept, network->memory->output + network->next_at, network->n_kept);
    } else {
        memmove(kept, kept + network->n_row, network->n_kept);
    }
}

/* An output r below 256 above its zero: r^2 x multiplier stays below 2^48. Limited to what a feature can be, so that
 * whatever is added to it later fits 32 bits. */
static int32_t squared_s(const wp_network *network, int32_t above_zero)
{
    const uint32_t r = above_zero < 0 ? 0u : (uint32_t)above_zero;
    const uint64_t half = (uint64_t)1 << (network->root_shift - 1u);
    const uint64_t s = ((uint64_t)(r * r) * network->root_multiplier + half) >> network->root_shift;
    return s > (uint64_t)WP_FEATURE_MAX ? WP_FEATURE_MAX : (int32_t)s;
}

void wp_network_predict(const wp_network *network, const wp_features *state, const int32_t x[WP_N_FEATURES],
                        int32_t margin[], int32_t quantile[WP_N_QUANTILES])
{
    const wp_network_memory *memory = network->memory;
    const uint32_t ticks = state->elapsed_ms / network->tick_ms + 1u;

    if (state->n_samples == 1) {
        begin_charge(network);
    }
    wp_network_encode(network->inputs, network->n_inputs, x, memory->input + network->inputs_at);
    wp_network_encode(network->inputs + network->n_inputs, network->n_row, x,
                      memory->input + network->kept_at + network->n_kept);
    network->invoke(memory->input, memory->output, memory->arena);
    for (size_t c = 0; c < network->n_margins; c++) {
        const int32_t above_zero = memory->output[network->margins_at + c] - network->margin_zero;
        margin[c] = above_zero * (int32_t)network->margin_multiplier;
    }
    for (size_t j = 0; j < WP_N_QUANTILES; j++) {
        quantile[j] = squared_s(network, memory->output[network->roots_at + j] - network->root_zero);
    }
    if (ticks != memory->ticks) {
        network->memory->ticks = ticks;
        keep(network);
    }
}

uint32_t wp_network_crc(const wp_network *network, uint32_t crc)
{
    const wp_network_memory *memory = network->memory;
    uint8_t ticks[4];

    for (uint32_t k = 0; k < sizeof ticks; k++) {
        ticks[k] = (uint8_t)(memory->ticks >> (8u * k));
    }
    crc = wp_crc32(crc, ticks, sizeof ticks);
    return wp_crc32(crc, (const uint8_t *)(memory->input + network->kept_at), network->n_kept);
}
