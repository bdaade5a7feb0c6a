#include "wp/live.h"

#include <string.h>

void wp_live_init(wp_live *live, uint32_t now_us)
{
    memset(live, 0, sizeof *live);
    live->clock_us = now_us;
}

void wp_live_advance(wp_live *live, uint32_t now_us)
{
    const uint32_t passed_us = now_us - live->clock_us; /* modulo 2^32 */
    const uint32_t rest_us = live->rest_us + passed_us % 1000u;
    live->clock_us = now_us;
    live->now_ms += passed_us / 1000u + rest_us / 1000u;
    live->rest_us = rest_us % 1000u;
}

bool wp_live_is_due(const wp_live *live)
{
    return live->now_ms - live->due_ms <= (uint32_t)INT32_MAX; /* modulo 2^32: not ahead of now */
}

/* The next measurement is a period away at most, so the product fits. */
uint32_t wp_live_wait_us(const wp_live *live)
{
    return wp_live_is_due(live) ? 0 : (live->due_ms - live->now_ms) * 1000u - live->rest_us;
}

/* Measurements keep their beat, but one that comes late by half a period begins another: never two at once. */
static void plan_next(wp_live *live)
{
    const uint32_t late_ms = live->now_ms - live->due_ms;
    live->due_ms = (late_ms < WP_SAMPLE_PERIOD_MS / 2 ? live->due_ms : live->now_ms) + WP_SAMPLE_PERIOD_MS;
}

static bool is_possible(const wp_reading *reading)
{
    return reading->voltage_mv >= WP_READING_MIN_MV && reading->voltage_mv <= WP_READING_MAX_MV &&
           reading->current_ma >= WP_READING_MIN_MA && reading->current_ma <= WP_READING_MAX_MA;
}

/* What is wrong with a reading. One that failed has no bits to compare, and breaks no row of equal ones. */
static wp_sensor_status judge(wp_live *live, const wp_reading *reading)
{
    if (reading->status != WP_SENSOR_OK) {
        return reading->status;
    }
    if (reading->raw != live->raw || reading->current_ma < WP_PLUG_MA) {
        live->n_same = 0;
    } else if (live->n_same < WP_FROZEN_READINGS) {
        live->n_same++;
    }
    live->raw = reading->raw;
    if (!is_possible(reading)) {
        return WP_SENSOR_OUT_OF_RANGE;
    }
    return live->n_same < WP_FROZEN_READINGS ? WP_SENSOR_OK : WP_SENSOR_FROZEN;
}

static uint8_t note_fault(wp_live *live, wp_sensor_status status)
{
    const uint8_t before = live->fault;
    live->fault = (uint8_t)status;
    if (live->fault == before) {
        return 0;
    }
    return live->fault == WP_SENSOR_OK ? WP_LIVE_WELL : WP_LIVE_FAULT;
}

/* Back to nothing plugged in, nothing seen. */
static uint8_t end_charge(wp_live *live)
{
    const uint8_t event = live->plugged ? WP_LIVE_UNPLUG : 0;
    live->plugged = false;
    live->n_window = 0;
    return event;
}

static void begin_charge(wp_live *live, size_t first, wp_live_step *step)
{
    const uint32_t begin_ms = live->window[first].t_ms;
    uint8_t n_samples = 0;
    for (size_t k = first; k < live->n_window; k++) {
        live->window[n_samples] = live->window[k];
        live->window[n_samples].t_ms -= begin_ms;
        n_samples++;
    }
    live->plugged = true;
    live->begin_ms = begin_ms;
    live->n_quiet = 0;
    live->n_off = 0;
    step->events |= WP_LIVE_PLUG;
    step->samples = live->window;
    step->n_samples = n_samples;
}

static void look_for_plug(wp_live *live, const wp_reading *reading, wp_live_step *step)
{
    size_t n_drawing = 0;
    size_t first = 0;
    if (live->n_window >= WP_PLUG_WINDOW) { /* forget the oldest */
        live->n_window--;
        memmove(live->window, live->window + 1, live->n_window * sizeof live->window[0]);
    }
    live->window[live->n_window] =
        (wp_sample){.t_ms = live->now_ms, .voltage_mv = reading->voltage_mv, .current_ma = reading->current_ma};
    live->n_window++;
    for (size_t k = live->n_window; k > 0; k--) {
        if (live->window[k - 1].current_ma >= WP_PLUG_MA) {
            n_drawing++;
            first = k - 1;
        }
    }
    if (n_drawing >= WP_PLUG_READINGS) {
        while (first > 0 && live->window[first - 1].current_ma >= WP_UNPLUG_MA) { /* a device may begin with little */
            first--;
        }
        begin_charge(live, first, step);
    }
}

/* Counts what speaks for an unplug. The counts stop where they decide: they need no more. */
static bool has_left(wp_live *live, const wp_reading *reading, bool tapered)
{
    if (reading->current_ma >= WP_UNPLUG_MA) {
        live->n_quiet = 0;
        live->n_off = 0;
        return false;
    }
    if (live->n_quiet < WP_UNPLUG_REST_READINGS) {
        live->n_quiet++;
    }
    if (reading->voltage_mv >= WP_UNPLUG_MV) {
        live->n_off = 0;
    } else if (live->n_off < WP_UNPLUG_OFF_READINGS) {
        live->n_off++;
    }
    return live->n_off >= WP_UNPLUG_OFF_READINGS || live->n_quiet >= WP_UNPLUG_REST_READINGS ||
           (live->n_quiet >= WP_UNPLUG_READINGS && !tapered);
}

static void go_on(wp_live *live, const wp_reading *reading, bool tapered, wp_live_step *step)
{
    if (has_left(live, reading, tapered)) {
        step->events |= end_charge(live);
        return;
    }
    live->window[0] = (wp_sample){.t_ms = live->now_ms - live->begin_ms,
                                  .voltage_mv = reading->voltage_mv,
                                  .current_ma = reading->current_ma};
    step->samples = live->window;
    step->n_samples = 1;
}

wp_live_step wp_live_take(wp_live *live, const wp_reading *reading, bool tapered)
{
    wp_live_step step = {.events = 0, .n_samples = 0, .samples = live->window};
    const wp_sensor_status status = judge(live, reading);

    plan_next(live);
    step.events |= note_fault(live, status);
    if (live->now_ms - live->seen_ms > WP_UNOBSERVED_MAX_MS) {
        step.events |= end_charge(live);
    }
    if (status != WP_SENSOR_OK) {
        return step;
    }
    live->seen_ms = live->now_ms;
    if (live->plugged) {
        go_on(live, reading, tapered, &step);
    } else {
        look_for_plug(live, reading, &step);
    }
    return step;
}
