#include "wp/features.h"

/* The fields by width. Alignment adds at most 4 bytes before the sums and 6 at the end: a field more would not fit. */
_Static_assert(WP_STATE_BYTES == 36 * 4 + 2 * 8 + 2 && sizeof(wp_features) <= WP_STATE_BYTES + 10,
               "a field was added or removed: serialise it, then count it here");

static uint8_t *put_u32(uint8_t *out, uint32_t value)
{
    for (uint32_t k = 0; k < 4; k++) {
        out[k] = (uint8_t)(value >> (8u * k));
    }
    return out + 4;
}

/* Converting to unsigned is two's complement by definition. */
static uint8_t *put_i32(uint8_t *out, int32_t value)
{
    return put_u32(out, (uint32_t)value);
}

static uint8_t *put_i64(uint8_t *out, int64_t value)
{
    const uint64_t bits = (uint64_t)value;
    return put_u32(put_u32(out, (uint32_t)bits), (uint32_t)(bits >> 32));
}

static uint8_t *put_series(uint8_t *out, const int32_t values[], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        out = put_i32(out, values[k]);
    }
    return out;
}

void wp_features_serialise(const wp_features *state, uint8_t out[WP_STATE_BYTES])
{
    out = put_u32(out, state->n_samples);
    out = put_u32(out, state->t_ms);
    out = put_i32(out, state->voltage_mv);
    out = put_i32(out, state->current_ma);
    out = put_i32(out, state->power_mw);
    out = put_u32(out, state->elapsed_ms);
    out = put_u32(out, state->unobserved_ms);
    out = put_i64(out, state->charge_2ma_ms);
    out = put_i64(out, state->energy_2mw_ms);
    out = put_series(out, state->current_mean_q10, 4);
    out = put_series(out, state->voltage_mean_q10, 3);
    out = put_i32(out, state->current_deviation_q10);
    out = put_i32(out, state->current_change_q10);
    out = put_i32(out, state->current_max_ma);
    out = put_i32(out, state->voltage_max_mv);
    out = put_i32(out, state->power_max_mw);
    out = put_i32(out, state->current_mean_max_ma);
    out = put_i32(out, state->current_rise_max_ma);
    out = put_i32(out, state->current_first_10s_ma);
    out = put_i32(out, state->voltage_level_mv);
    out = put_i32(out, state->voltage_first_step_s);
    out = put_u32(out, state->voltage_step_count);
    out = put_u32(out, state->power_max_at_ms);
    out = put_u32(out, state->current_high_at_ms);
    out = put_i32(out, state->plateau_ma);
    out = put_u32(out, state->plateau_at_ms);
    out = put_i32(out, state->plateau_previous_ma);
    out = put_series(out, state->current_at_ma, WP_N_START_CURRENTS);
    out = put_u32(out, state->low_at_ms);
    *out++ = state->low ? 1u : 0u;
    *out = state->phase;
}
