#include "wp/vehicle_live.h"

#if WP_METER

#include <string.h>

void wp_vehicle_live_init(wp_vehicle_live *live, uint32_t now_us)
{
    memset(live, 0, sizeof *live);
    live->clock_us = now_us;
}

void wp_vehicle_live_advance(wp_vehicle_live *live, uint32_t now_us)
{
    const uint32_t passed_us = now_us - live->clock_us; /* modulo 2^32 */
    const uint32_t rest_us = live->rest_us + passed_us % 1000u;
    live->clock_us = now_us;
    live->now_ms += passed_us / 1000u + rest_us / 1000u;
    live->rest_us = rest_us % 1000u;
}

static bool is_due(const wp_vehicle_live *live)
{
    return live->now_ms - live->due_ms <= (uint32_t)INT32_MAX; /* modulo 2^32: not ahead of now */
}

/* Readings keep their beat, but one that comes late by half a period begins another: never two at once. */
bool wp_vehicle_live_begins(wp_vehicle_live *live, uint32_t period_ms)
{
    if (!is_due(live)) {
        return false;
    }
    const uint32_t late_ms = live->now_ms - live->due_ms;
    live->due_ms = (late_ms < period_ms / 2u ? live->due_ms : live->now_ms) + period_ms;
    return true;
}

/* The next reading is a minute away at most, so the product fits. */
uint32_t wp_vehicle_live_wait_us(const wp_vehicle_live *live)
{
    return is_due(live) ? 0 : (live->due_ms - live->now_ms) * 1000u - live->rest_us;
}

static uint8_t note_fault(wp_vehicle_live *live, wp_sensor_status status)
{
    const uint8_t before = live->fault;
    live->fault = (uint8_t)status;
    if (live->fault == before) {
        return 0;
    }
    return status == WP_SENSOR_OK ? WP_LIVE_WELL : WP_LIVE_FAULT;
}

static uint8_t end_charge(wp_vehicle_live *live)
{
    const uint8_t event = live->plugged ? WP_LIVE_UNPLUG : 0;
    live->plugged = false;
    live->has_before = false;
    return event;
}

static bool is_drawing(const wp_vehicle_sample *sample)
{
    bool drawing = false;
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        drawing = drawing || sample->current_ma[k] >= WP_VEHICLE_PLUG_MA;
    }
    return drawing;
}

static bool is_forbidden(const wp_vehicle_sample *sample)
{
    return sample->pilot_da >= 0 && sample->pilot_da < WP_VEHICLE_PILOT_MIN_DA;
}

/* A charge begins with the reading before its first current, as far as there is one: how fast the current rises tells
 * which car it is. */
static void look_for_plug(wp_vehicle_live *live, const wp_vehicle_reading *reading, wp_vehicle_live_step *step)
{
    const wp_vehicle_sample *sample = &reading->measured.sample;
    const uint8_t at = live->has_before && reading->there == WP_VEHICLE_NOT_TOLD ? 1 : 0;
    const bool begins = reading->there == WP_VEHICLE_NOT_TOLD ? is_drawing(sample) : reading->there == WP_VEHICLE_PRESENT;
    if (!begins) {
        live->samples[0] = reading->measured;
        live->samples[0].sample.t_ms = live->now_ms;
        live->has_before = true;
        return;
    }
    live->samples[at] = reading->measured;
    live->begin_ms = at > 0 ? live->samples[0].sample.t_ms : live->now_ms;
    live->samples[0].sample.t_ms = 0;
    live->samples[at].sample.t_ms = live->now_ms - live->begin_ms;
    live->plugged = true;
    live->drawn_ms = live->now_ms;
    step->events |= WP_LIVE_PLUG;
    step->n_samples = (uint8_t)(at + 1u);
}

static bool has_left(wp_vehicle_live *live, const wp_vehicle_reading *reading)
{
    const wp_vehicle_sample *sample = &reading->measured.sample;
    if (reading->there != WP_VEHICLE_NOT_TOLD) {
        return reading->there == WP_VEHICLE_ABSENT;
    }
    if (is_drawing(sample) || is_forbidden(sample)) {
        live->drawn_ms = live->now_ms;
    }
    return live->now_ms - live->drawn_ms >= WP_VEHICLE_QUIET_MS;
}

static void go_on(wp_vehicle_live *live, const wp_vehicle_reading *reading, wp_vehicle_live_step *step)
{
    if (has_left(live, reading)) {
        step->events |= end_charge(live);
        return;
    }
    live->samples[0] = reading->measured;
    live->samples[0].sample.t_ms = live->now_ms - live->begin_ms;
    step->n_samples = 1;
}

wp_vehicle_live_step wp_vehicle_live_take(wp_vehicle_live *live, const wp_vehicle_reading *reading)
{
    wp_vehicle_live_step step = {.events = 0, .n_samples = 0, .samples = live->samples};
    step.events |= note_fault(live, reading->status);
    if (live->now_ms - live->seen_ms >= WP_VEHICLE_UNOBSERVED_MS) {
        step.events |= end_charge(live);
    }
    if (reading->status != WP_SENSOR_OK) {
        live->has_before = false; /* what lies before a fault is not right before a plug */
        return step;
    }
    live->seen_ms = live->now_ms;
    if (live->plugged) {
        go_on(live, reading, &step);
    } else {
        look_for_plug(live, reading, &step);
    }
    return step;
}

#endif
