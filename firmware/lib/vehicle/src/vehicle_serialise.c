#include "wp/vehicle.h"

/* The fields by width; ten of them are bits of two bytes here and a byte each in the struct, padded by two. */
_Static_assert(WP_VEHICLE_STATE_BYTES == 41 * 4 + 8 + 2 && sizeof(wp_vehicle) <= WP_VEHICLE_STATE_BYTES + 10,
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

static uint8_t *put_flags(uint8_t *out, const wp_vehicle *state)
{
    const bool flags[] = {state->drawing,    state->drawn,         state->allowed,   state->idle_before, state->steady,
                          state->level_seen, state->limit_changed, state->answering, state->pausing};
    uint32_t bits = state->active;
    for (uint32_t k = 0; k < sizeof flags / sizeof flags[0]; k++) {
        bits |= (flags[k] ? 1u : 0u) << (WP_N_PHASES + k);
    }
    out[0] = (uint8_t)bits;
    out[1] = (uint8_t)(bits >> 8);
    return out + 2;
}

static uint8_t *put_now(uint8_t *out, const wp_vehicle *state)
{
    out = put_u32(out, state->n_samples);
    out = put_u32(out, state->t_ms);
    out = put_u32(out, state->elapsed_ms);
    out = put_i32(out, state->voltage_mv);
    out = put_i32(out, state->current_ma);
    out = put_i32(out, state->current_least_ma);
    out = put_i32(out, state->current_max_ma);
    out = put_i32(out, state->power_w);
    out = put_i32(out, state->power_max_w);
    return put_i32(out, state->pilot_da);
}

static uint8_t *put_levels(uint8_t *out, const wp_vehicle *state)
{
    out = put_u32(out, state->allowed_ms);
    out = put_u32(out, state->start_ms);
    out = put_u32(out, state->idle_ms);
    out = put_u32(out, state->level_ms);
    out = put_i32(out, state->level_ma);
    out = put_i32(out, state->plateau_ma);
    out = put_i32(out, state->plateau_previous_ma);
    out = put_i32(out, state->plateau_first_ma);
    out = put_i32(out, state->plateau_of_limit_permille);
    out = put_i32(out, state->rise_ma_per_s);
    return put_u32(out, state->plateau_ms);
}

static uint8_t *put_counts(uint8_t *out, const wp_vehicle *state)
{
    out = put_u32(out, state->limit_steps);
    out = put_u32(out, state->limit_fell_ms);
    out = put_i32(out, state->limit_response_s);
    out = put_u32(out, state->pauses);
    out = put_u32(out, state->pauses_by_limit);
    out = put_u32(out, state->restarts);
    out = put_u32(out, state->still_ms);
    out = put_u32(out, state->paused_ms);
    out = put_u32(out, state->taper_steps);
    out = put_u32(out, state->taper_ms);
    out = put_i32(out, state->taper_step_ma);
    return put_i32(out, state->taper_dwell_s);
}

void wp_vehicle_serialise(const wp_vehicle *state, uint8_t out[WP_VEHICLE_STATE_BYTES])
{
    const uint64_t energy = (uint64_t)state->energy_2w_ms;
    out = put_now(out, state);
    out = put_flags(out, state);
    out = put_levels(out, state);
    out = put_counts(out, state);
    out = put_u32(put_u32(out, (uint32_t)energy), (uint32_t)(energy >> 32));
    out = put_i32(out, state->energy_first_wh);
    out = put_i32(out, state->energy_wh);
    out = put_i32(out, state->soc_pct);
    out = put_i32(out, state->soc_first_pct);
    out = put_i32(out, state->soc_mark_pct);
    out = put_i32(out, state->soc_mark_wh);
    out = put_i32(out, state->soc_latest_pct);
    (void)put_i32(out, state->soc_latest_wh);
}
