#include <string.h>

#include "wp/health.h"

#define SETTLED_MS 60000u /* connectors, converters and the fast part of the cell */
#define UA_PER_MA 1000

enum { NOT_YET = 0, IN_TAIL = 1, ENDED = 2, BEGAN_BELOW = 3 };

void wp_health_begin(wp_health_charge *charge)
{
    memset(charge, 0, sizeof *charge);
}

static int32_t limited(int32_t value, int32_t most)
{
    return value < -most ? -most : value > most ? most : value;
}

/* Charge at which a straight line from `before` to `now` falls to a level between them: put_in is that at `before`. */
static int64_t charge_at(int64_t put_in, int64_t step, int32_t before_ma, int32_t now_ma, int32_t level_ua)
{
    const int64_t fall_ua = ((int64_t)before_ma - now_ma) * UA_PER_MA; /* above 0, below 2^31 */
    const int64_t into_ua = (int64_t)before_ma * UA_PER_MA - level_ua; /* 0 ... fall */
    const int64_t share_q16 = (into_ua * 65536 + fall_ua / 2) / fall_ua;
    return put_in + step * share_q16 / 65536; /* below 2^43 x 2^16 */
}

static void cross(wp_health_charge *charge, const wp_health_model *model, int64_t step, int32_t now_ma)
{
    const int64_t now_ua = (int64_t)now_ma * UA_PER_MA;
    if (charge->crossed == NOT_YET && now_ua < model->tail_ua) {
        charge->at_tail = charge_at(charge->put_in, step, charge->current_ma, now_ma, model->tail_ua);
        charge->crossed = IN_TAIL;
    }
    if (charge->crossed == IN_TAIL && now_ua < model->end_ua) {
        charge->at_end = charge_at(charge->put_in, step, charge->current_ma, now_ma, model->end_ua);
        charge->crossed = ENDED;
    }
}

/* The first sample beyond the first minute, and the voltage's highest on the plateau. */
static void settle(wp_health_charge *charge, const wp_health_model *model, int32_t voltage_mv, int32_t current_ma)
{
    if (!charge->settled) {
        charge->settled = true;
        charge->settled_mv = voltage_mv;
        charge->settled_ma = current_ma;
        charge->highest_mv = voltage_mv;
        charge->crossed = (int64_t)current_ma * UA_PER_MA < model->tail_ua ? BEGAN_BELOW : NOT_YET;
    } else if (10 * (int64_t)current_ma >= 9 * (int64_t)charge->settled_ma && voltage_mv > charge->highest_mv) {
        charge->highest_mv = voltage_mv;
    }
}

wp_status wp_health_update(wp_health_charge *charge, const wp_health_model *model, const wp_sample *sample)
{
    const int32_t voltage_mv = limited(sample->voltage_mv, WP_VOLTAGE_MAX_MV);
    const int32_t current_ma = limited(sample->current_ma, WP_CURRENT_MAX_MA);
    const uint32_t step_ms = sample->t_ms - charge->t_ms;
    if (!charge->begun) {
        charge->begun = true;
        charge->t_ms = sample->t_ms;
        charge->current_ma = current_ma;
        return WP_OK;
    }
    if (step_ms == 0 || step_ms >= 0x80000000u) {
        return WP_ERROR_TIME;
    }
    const uint32_t counted_ms = step_ms < WP_HEALTH_STEP_MAX_MS ? step_ms : WP_HEALTH_STEP_MAX_MS;
    const int64_t step = (int64_t)counted_ms * ((int64_t)charge->current_ma + current_ma);
    charge->elapsed_ms = step_ms > UINT32_MAX - charge->elapsed_ms ? UINT32_MAX : charge->elapsed_ms + step_ms;
    if (charge->settled) {
        cross(charge, model, step, current_ma);
    }
    if (charge->elapsed_ms > SETTLED_MS) {
        settle(charge, model, voltage_mv, current_ma);
    }
    /* 2^42 a step: two million steps of an hour until this could overflow, and it is limited before. */
    charge->put_in += charge->put_in < INT64_MAX / 4 && charge->put_in > -INT64_MAX / 4 ? step : 0;
    charge->t_ms = sample->t_ms;
    charge->current_ma = current_ma;
    return WP_OK;
}
