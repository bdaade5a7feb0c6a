#include "wattprint.h"

#include <string.h>

#include "model.h"
#include "wattprint_devices.h"
#include "wp/charge.h"
#include "wp/ina.h"
#include "wp/live.h"

typedef struct meter_state {
    wp_live live;
    wp_charge charge;
    wp_ina ina;
    wp_i2c bus; /* i2c behind it */
    wattprint_i2c i2c;
    void *i2c_context;
    wattprint_callback callback;
    void *context;
    uint32_t n_readings; /* stands for a converter's bits, which wattprint_feed does not see: it never freezes */
} meter_state;
_Static_assert(sizeof(meter_state) <= sizeof(wattprint), "WATTPRINT_STATE_WORDS is large enough");
_Static_assert((int)WATTPRINT_OUT_OF_RANGE == (int)WP_SENSOR_OUT_OF_RANGE && (int)WATTPRINT_FULL == (int)WP_PHASE_FULL &&
                   (int)WATTPRINT_INA226 == (int)WP_INA226,
               "the numbers of faults, phases and sensors are the core's");

/* The caller's memory has no type of its own: reached by void *. */
static meter_state *state_of(wattprint *meter)
{
    void *state = meter->state;
    return state;
}

bool wattprint_begin(wattprint *meter, wattprint_callback callback, void *context)
{
    meter_state *state = state_of(meter);
    memset(meter, 0, sizeof *meter);
    state->callback = callback;
    state->context = context;
    wp_live_init(&state->live, 0);
    return wp_charge_init(&state->charge, &wp_model_generated) == WP_OK;
}

static void tell_event(const meter_state *state, wattprint_event event)
{
    const wattprint_answer answer = {
        .event = event,
        .fault = event == WATTPRINT_FAULT ? (wattprint_sensor_fault)state->live.fault : WATTPRINT_NO_FAULT,
        .device = -1,
        .device_name = ""};
    state->callback(state->context, &answer);
}

static void tell_answer(const meter_state *state, const wp_answer *found)
{
    const bool known = (found->flags & (WP_FLAG_UNKNOWN | WP_FLAG_NO_DEVICE)) == 0;
    const wattprint_answer answer = {
        .event = WATTPRINT_ANSWER,
        .device = known ? found->device : -1,
        .device_name = known ? wattprint_device_names[found->device] : "unknown",
        .confidence_permille = found->confidence_permille,
        .remaining_s = found->remaining_s[1],
        .remaining_least_s = found->remaining_s[0],
        .remaining_most_s = found->remaining_s[2],
        .phase = (wattprint_phase)(found->flags >> WP_FLAG_PHASE_SHIFT & 3u)};
    state->callback(state->context, &answer);
}

static void tell_events(meter_state *state, uint8_t events)
{
    static const struct {
        uint8_t bit;
        wattprint_event event;
    } order[] = {{WP_LIVE_FAULT, WATTPRINT_FAULT},
                 {WP_LIVE_WELL, WATTPRINT_WELL},
                 {WP_LIVE_UNPLUG, WATTPRINT_UNPLUG},
                 {WP_LIVE_PLUG, WATTPRINT_PLUG}};
    for (size_t k = 0; k < sizeof order / sizeof order[0]; k++) {
        if ((events & order[k].bit) != 0) {
            tell_event(state, order[k].event);
        }
    }
    if ((events & WP_LIVE_PLUG) != 0) {
        wp_features_init(&state->charge.features);
    }
}

static void take(meter_state *state, const wp_reading *reading)
{
    const wp_live_step step = wp_live_take(&state->live, reading, wp_charge_has_tapered(&state->charge));
    tell_events(state, step.events);
    for (size_t k = 0; k < step.n_samples; k++) {
        wp_answer answer;
        if (wp_charge_update(&state->charge, &step.samples[k], &answer) == WP_OK) { /* always: time has moved on */
            tell_answer(state, &answer);
        }
    }
}

/* Whether it is time for a reading. Milliseconds wrap after 49 days, and so do they times 1000. */
static bool is_due(meter_state *state, uint32_t now_ms)
{
    wp_live_advance(&state->live, now_ms * 1000u);
    return wp_live_is_due(&state->live);
}

void wattprint_feed(wattprint *meter, uint32_t now_ms, int32_t voltage_mv, int32_t current_ma)
{
    meter_state *state = state_of(meter);
    if (is_due(state, now_ms)) {
        state->n_readings++;
        const wp_reading reading = {WP_SENSOR_OK, voltage_mv, current_ma, state->n_readings};
        take(state, &reading);
    }
}

void wattprint_feed_fault(wattprint *meter, uint32_t now_ms)
{
    meter_state *state = state_of(meter);
    if (is_due(state, now_ms)) {
        const wp_reading reading = {.status = WP_SENSOR_NO_ANSWER};
        take(state, &reading);
    }
}

static wp_i2c_status transfer(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                              size_t n_in)
{
    const meter_state *state = context;
    return state->i2c(state->i2c_context, address, out, n_out, in, n_in) ? WP_I2C_OK : WP_I2C_NO_ANSWER;
}

void wattprint_use_sensor(wattprint *meter, wattprint_sensor sensor, uint8_t address, int32_t shunt_uohm,
                          wattprint_i2c i2c, void *context)
{
    meter_state *state = state_of(meter);
    const wp_ina_config config = {.kind = (wp_ina_kind)sensor,
                                  .address = address,
                                  .shunt_uohm = shunt_uohm > 0 ? shunt_uohm : 1,
                                  .averaging_ms = WP_SAMPLE_PERIOD_MS / 10};
    state->i2c = i2c;
    state->i2c_context = context;
    state->bus = (wp_i2c){.context = state, .transfer = transfer};
    wp_ina_init(&state->ina, &state->bus, &config);
}

uint32_t wattprint_measure(wattprint *meter, uint32_t now_ms)
{
    meter_state *state = state_of(meter);
    if (is_due(state, now_ms)) {
        wp_reading reading = {.status = WP_SENSOR_NO_ANSWER};
        if (state->i2c != NULL) {
            wp_ina_measure(&state->ina, &reading);
        }
        take(state, &reading);
    }
    return (wp_live_wait_us(&state->live) + 999u) / 1000u;
}
