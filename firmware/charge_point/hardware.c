/* hardware.h at a charge point: the meter on the port's line, what the charge point's own control knows and takes, and
 * the settings of both. Compiled for a household's model only (tools/pio_sources.py). */
#include "hardware.h"

#include "hardware_parts.h"
#include "port_meter.h"
#include "wp/sdm.h"
#include "wp/vehicle_live.h"

static const wp_serial *line; /* the meter's; NULL: none */
static wp_sdm *sdm;           /* lent in live mode */

static void start(void *context, wp_sdm *memory)
{
    const wp_modbus_config config = {.baud = wp_settings_baud(&settings),
                                     .timeout_us = WP_SDM_TIMEOUT_US,
                                     .unit = (uint8_t)settings.value[WP_SETTING_METER_ADDRESS_NUMBER],
                                     .retries = WP_SDM_RETRIES};
    (void)context;
    sdm = memory;
    wp_sdm_init(sdm, line, &config);
}

static void begin(void *context)
{
    const wp_meter meter = wp_sdm_meter(sdm);
    (void)context;
    (void)meter.begin(meter.context, port_clock_us()); /* none is under way: the memory was made new */
}

static wp_sensor_status status_of(wp_meter_status status)
{
    switch (status) {
    case WP_METER_OK:
        return WP_SENSOR_OK;
    case WP_METER_DAMAGED:
        return WP_SENSOR_DAMAGED;
    case WP_METER_REFUSED:
        return WP_SENSOR_REFUSED;
    case WP_METER_OUT_OF_RANGE:
        return WP_SENSOR_OUT_OF_RANGE;
    case WP_METER_FROZEN:
        return WP_SENSOR_FROZEN;
    default:
        return WP_SENSOR_NO_ANSWER;
    }
}

/* What the charge point knows besides; it has no part in whether the meter is well. */
static void look_around(wp_vehicle_reading *reading)
{
    const port_vehicle vehicle = port_vehicle_now();
    wp_vehicle_sample *sample = &reading->measured.sample;
    reading->there = vehicle.there < 0    ? WP_VEHICLE_NOT_TOLD
                     : vehicle.there == 0 ? WP_VEHICLE_ABSENT
                                          : WP_VEHICLE_PRESENT;
    sample->pilot_da = vehicle.pilot_da;
    sample->soc_pct = vehicle.soc_pct;
}

static bool poll(void *context, wp_vehicle_reading *reading)
{
    const wp_meter meter = wp_sdm_meter(sdm);
    wp_meter_reading found;
    (void)context;
    if (!meter.poll(meter.context, port_clock_us(), &found)) {
        return false;
    }
    reading->status = status_of(found.status);
    if (wp_meter_sample(&found, 0, &reading->measured.sample)) {
        reading->measured.power_factor_permille = wp_meter_power_factor_permille(&found);
        look_around(reading);
    }
    return true;
}

static void enable(void *context, bool on, int32_t limit_ma)
{
    (void)context;
    port_vehicle_enable(on, limit_ma);
}

/* The meter by its settings; none where the port has no line for it, or it is switched off. */
static void choose_meter(void)
{
    line = settings.value[WP_SETTING_METER_NUMBER] != 0 ? port_meter_line(wp_settings_baud(&settings)) : NULL;
    core_port.sensor = line != NULL ? WP_SENSOR_PRESENT : WP_SENSOR_ABSENT;
    core_port.start = line != NULL ? start : NULL;
    core_port.begin = line != NULL ? begin : NULL;
    core_port.poll = line != NULL ? poll : NULL;
}

static void follow_wishes(void)
{
    const int32_t *value = settings.value;
    core_port.period_ms = (uint32_t)value[WP_SETTING_PERIOD_S_NUMBER] * 1000u;
    core_port.control = (wp_charge_control){.enable = enable,
                                            .wishes = (uint8_t)value[WP_SETTING_ADVICE_WISHES_NUMBER],
                                            .most_ma = value[WP_SETTING_ADVICE_MOST_MA_NUMBER],
                                            .ready_in_s = value[WP_SETTING_ADVICE_READY_IN_MIN_NUMBER] * 60};
}

static bool set_setting(void *context, uint8_t number, int32_t value)
{
    (void)context;
    if (!keep_setting(number, value)) {
        return false;
    }
    follow_wishes();
    if (number < WP_N_METER_SETTINGS) {
        choose_meter();
    }
    return true;
}

const wp_port *hardware_start(void)
{
    start_parts(set_setting);
    core_port.n_meter_settings = WP_N_METER_SETTINGS;
    follow_wishes();
    choose_meter();
    return &core_port;
}
