#include "wp/vehicle_charge.h"

/* The fields by width: alignment adds nothing where a byte is a byte, and the three booleans are one here. */
_Static_assert(WP_HOUSEHOLD_STATE_BYTES == 2 + 2 * WP_HOUSEHOLD_CARS_MAX + 9 * 4 &&
                   sizeof(wp_household) <= WP_HOUSEHOLD_STATE_BYTES + 2,
               "a field was added or removed: serialise it, then count it here");

static uint8_t *put_u16(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)value;
    out[1] = (uint8_t)(value >> 8);
    return out + 2;
}

/* Converting to unsigned is two's complement by definition. */
static uint8_t *put_i32(uint8_t *out, int32_t value)
{
    const uint32_t bits = (uint32_t)value;
    return put_u16(put_u16(out, bits & 0xFFFFu), bits >> 16);
}

void wp_household_serialise(const wp_household *state, uint8_t out[WP_HOUSEHOLD_STATE_BYTES])
{
    *out++ = state->possible;
    *out++ = (uint8_t)((state->direct ? 1u : 0u) | (state->drawn ? 2u : 0u) | (state->soc_risen ? 4u : 0u));
    for (size_t k = 0; k < WP_HOUSEHOLD_CARS_MAX; k++) {
        out = put_u16(out, state->worst[k]);
    }
    out = put_i32(out, state->pilot_ma);
    out = put_i32(out, state->pilot_s);
    out = put_i32(out, state->most_ma);
    out = put_i32(out, state->drawing_s);
    out = put_i32(out, state->still_s);
    out = put_i32(out, state->soc_pct);
    out = put_i32(out, state->soc_wh);
    out = put_i32(out, state->target_pct);
    (void)put_i32(out, state->asked_wh);
}
