/* wp_network_lstm.h: one step of a recurrent layer with int8 activations and an int16 cell. */
#ifndef WP_NETWORK_LSTM_H
#define WP_NETWORK_LSTM_H

#include <string.h>

#include "wp_network.h"
#include "wp_network_fours.h"

/* 0: no sum of this network's weights leaves int16 when scaled. */
#ifndef WP_NETWORK_LSTM_LIMITS
#define WP_NETWORK_LSTM_LIMITS 1
#endif

typedef struct wp_network_scaling {
    int32_t multiplier;
    int32_t shift;
} wp_network_scaling;

typedef struct wp_network_lstm {
    const int8_t *weights;         /* [n_units][n_inputs + n_units][input, forget, cell, output gate] */
    const wp_network_four *bias;   /* [n_units][of inputs, of the state], zero points folded in */
    const uint16_t *sigmoid;       /* [256] sigmoid(i / 24), fractions of 2^16 */
    wp_network_scaling gate[4][2]; /* of inputs and of the state: to 12 fraction bits */
    wp_network_scaling forget;     /* forget gate * cell */
    wp_network_scaling update;     /* input gate * cell gate */
    wp_network_scaling hidden;     /* output gate * tanh(cell) */
    uint16_t n_inputs;
    uint16_t n_units;
    int16_t cell_low; /* limits of the cell */
    int16_t cell_high;
    int16_t tanh_multiplier; /* from the cell to steps of 1 / (24 * 256) */
    int8_t tanh_shift;
    int8_t hidden_zero_point;
} wp_network_lstm;

static inline int32_t wp_network_int16(int32_t x)
{
    return x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x;
}

/* Between two values of sigmoid(i / 24): x in steps of 1 / (24 * 2^bits), the result has 16 + bits fraction bits. */
static inline uint32_t wp_network_lstm_between(const uint16_t *sigmoid, uint32_t x, int bits)
{
    const uint16_t *const at = sigmoid + (x >> bits);
    const uint32_t part = x & ((1u << bits) - 1u);
    return ((uint32_t)at[0] << bits) + part * (uint32_t)(at[1] - at[0]);
}

/* 12 fraction bits in, 15 out; an int16 never leaves the table. */
static inline int32_t wp_network_lstm_sigmoid(const uint16_t *sigmoid, int32_t x)
{
    const int32_t wide = x * 3;
    const uint32_t result = wp_network_lstm_between(sigmoid, (uint32_t)(wide < 0 ? -wide : wide), 9);
    return (int32_t)((wide < 0 ? (1u << 25) - result + (1u << 9) - 1u : result + (1u << 9)) >> 10);
}

/* Steps of 1 / (24 * 256) in, 15 fraction bits out. */
static inline int32_t wp_network_lstm_tanh(const uint16_t *sigmoid, int32_t x)
{
    const uint32_t size = (uint32_t)(x < 0 ? -x : x);
    uint32_t between = 0xffffu << 8;
    if (size < 255u << 8) {
        between = wp_network_lstm_between(sigmoid, size, 8);
    }
    const int32_t result = (int32_t)between - (1 << 23);
    return ((x < 0 ? -result - 1 : result) + (1 << 7)) >> 8;
}

static inline int32_t wp_network_scaled(int32_t x, const wp_network_scaling *by)
{
    return wp_network_scale(x, by->multiplier, by->shift);
}

static inline int32_t wp_network_lstm_gate(int32_t given, int32_t kept, const wp_network_scaling by[2])
{
    given = wp_network_scaled(given, &by[0]);
    kept = wp_network_scaled(kept, &by[1]);
    if (WP_NETWORK_LSTM_LIMITS) {
        return wp_network_int16(wp_network_int16(given) + wp_network_int16(kept));
    }
    return given + kept;
}

/*   x        [n_inputs]
 *   hidden   [n_units], read and written
 *   cell     [n_units], read and written
 *   scratch  [n_units] */
static void wp_network_lstm_step(
    const wp_network_lstm *lstm, const int8_t *x, int8_t *hidden, int16_t *cell, int8_t *scratch)
{
    const int8_t *weight = lstm->weights;
    const wp_network_four *bias = lstm->bias;
    const uint16_t *const sigmoid = lstm->sigmoid;
    for (int unit = 0; unit < lstm->n_units; unit++, bias += 2) {
        const wp_network_four given = wp_network_fours(bias[0], x, lstm->n_inputs, weight);
        weight += 4 * lstm->n_inputs;
        const wp_network_four kept = wp_network_fours(bias[1], hidden, lstm->n_units, weight);
        weight += 4 * lstm->n_units;
        const int32_t enter = wp_network_lstm_sigmoid(sigmoid, wp_network_lstm_gate(given.a, kept.a, lstm->gate[0]));
        const int32_t forget = wp_network_lstm_sigmoid(sigmoid, wp_network_lstm_gate(given.b, kept.b, lstm->gate[1]));
        const int32_t update = wp_network_lstm_tanh(sigmoid, 3 * wp_network_lstm_gate(given.c, kept.c, lstm->gate[2]));
        const int32_t show = wp_network_lstm_sigmoid(sigmoid, wp_network_lstm_gate(given.d, kept.d, lstm->gate[3]));
        const int32_t state = wp_network_int16(wp_network_scaled(forget * cell[unit], &lstm->forget)) +
                              wp_network_int16(wp_network_scaled(enter * update, &lstm->update));
        const int32_t limited = wp_network_limit(state, lstm->cell_low, lstm->cell_high);
        cell[unit] = (int16_t)limited;
        int32_t wide = limited * lstm->tanh_multiplier;
        if (lstm->tanh_shift > 0) {
            wide = ((wide >> (lstm->tanh_shift - 1)) + 1) >> 1;
        }
        const int32_t out = wp_network_scaled(show * wp_network_lstm_tanh(sigmoid, wide), &lstm->hidden);
        scratch[unit] = (int8_t)wp_network_limit(out + lstm->hidden_zero_point, -128, 127);
    }
    memcpy(hidden, scratch, lstm->n_units);
}

#endif
