/* wp_network_lstm.h: one step of a recurrent layer with int8 activations and an int16 cell. */
#ifndef WP_NETWORK_LSTM_H
#define WP_NETWORK_LSTM_H

#include <string.h>

#include "wp_network.h"

typedef struct wp_network_scaling {
    int32_t multiplier;
    int8_t shift;
} wp_network_scaling;

typedef struct wp_network_lstm {
    const int8_t *weights;         /* [n_units][input, forget, cell, output gate][n_inputs + n_units] */
    const int32_t *bias;           /* [n_units][4][of inputs, of the state], zero points folded in */
    const uint16_t *sigmoid;       /* [256] wp_network_lstm_sigmoid */
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

/* Between the values of sigmoid(i / 24): x in steps of 1 / (24 * 2^bits), the result has 16 + bits fraction bits. */
static inline uint32_t wp_network_lstm_between(const uint16_t *sigmoid, uint32_t x, int bits)
{
    const uint32_t place = x >> bits;
    if (place >= 255u) {
        return bits == 9 ? 0x7fffu << 10 : 0xffffu << 8;
    }
    return ((uint32_t)sigmoid[place] << bits) +
           (x & ((1u << bits) - 1u)) * ((uint32_t)sigmoid[place + 1u] - sigmoid[place]);
}

static inline int32_t wp_network_lstm_sigmoid_of(const uint16_t *sigmoid, int32_t x)
{
    const int32_t wide = x * 3;
    const uint32_t result = wp_network_lstm_between(sigmoid, (uint32_t)(wide < 0 ? -wide : wide), 9);
    return (int32_t)((wide < 0 ? (1u << 25) - result + (1u << 9) - 1u : result + (1u << 9)) >> 10);
}

/* x in steps of 1 / (24 * 256). */
static inline int32_t wp_network_lstm_tanh_of(const uint16_t *sigmoid, int32_t x)
{
    const int32_t result = (int32_t)wp_network_lstm_between(sigmoid, (uint32_t)(x < 0 ? -x : x), 8) - (1 << 23);
    return ((x < 0 ? -result - 1 : result) + (1 << 7)) >> 8;
}

static inline int32_t wp_network_lstm_part(int32_t sum, const int8_t *weight, int n, const int8_t *x)
{
    for (int i = 0; i < n; i++) {
        sum += x[i] * weight[i];
    }
    return sum;
}

static inline int32_t wp_network_scaled(int32_t x, const wp_network_scaling *by)
{
    return wp_network_scale(x, by->multiplier, by->shift);
}

/*   x        [n_inputs]
 *   hidden   [n_units], read and written
 *   cell     [n_units], read and written
 *   scratch  [n_units] */
static void wp_network_lstm_step(
    const wp_network_lstm *lstm, const int8_t *x, int8_t *hidden, int16_t *cell, int8_t *scratch)
{
    const int8_t *weight = lstm->weights;
    const int32_t *bias = lstm->bias;
    for (int unit = 0; unit < lstm->n_units; unit++) {
        int32_t gate[4];
        for (int i = 0; i < 4; i++, bias += 2) {
            const int32_t given = wp_network_lstm_part(bias[0], weight, lstm->n_inputs, x);
            weight += lstm->n_inputs;
            const int32_t kept = wp_network_lstm_part(bias[1], weight, lstm->n_units, hidden);
            weight += lstm->n_units;
            gate[i] = wp_network_int16(
                wp_network_int16(wp_network_scaled(given, &lstm->gate[i][0])) +
                wp_network_int16(wp_network_scaled(kept, &lstm->gate[i][1])));
            gate[i] = i == 2 ? wp_network_lstm_tanh_of(lstm->sigmoid, gate[i] * 3)
                             : wp_network_lstm_sigmoid_of(lstm->sigmoid, gate[i]);
        }
        int32_t state = wp_network_int16(wp_network_scaled(gate[1] * cell[unit], &lstm->forget)) +
                        wp_network_int16(wp_network_scaled(gate[0] * gate[2], &lstm->update));
        state = state < lstm->cell_low ? lstm->cell_low : state > lstm->cell_high ? lstm->cell_high : state;
        cell[unit] = (int16_t)state;
        const int32_t wide = state * lstm->tanh_multiplier;
        const int32_t shown = wp_network_lstm_tanh_of(
            lstm->sigmoid, lstm->tanh_shift > 0 ? ((wide >> (lstm->tanh_shift - 1)) + 1) >> 1 : wide);
        const int32_t out = wp_network_scaled(gate[3] * shown, &lstm->hidden) + lstm->hidden_zero_point;
        scratch[unit] = wp_network_limit(out, -128, 127);
    }
    memcpy(hidden, scratch, lstm->n_units);
}

#endif
