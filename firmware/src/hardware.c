#include "hardware.h"

#if !WP_PROFILE_EV /* a charge point's is firmware/charge_point */

#include "hardware_parts.h"

static wp_ina ina;

static wp_i2c_status i2c_transfer(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                                  size_t n_in)
{
    (void)context;
    return port_i2c_transfer(address, out, n_out, in, n_in);
}

static void measure_own(void *context, wp_reading *reading)
{
    (void)context;
    port_measure(reading);
}

static void measure_on_bus(void *context, wp_reading *reading)
{
    (void)context;
    wp_ina_measure(&ina, reading);
}

static const wp_i2c bus = {.transfer = i2c_transfer};

/* The sensor that the port has, or else the one that the settings name. */
static void choose_sensor(void)
{
    const uint32_t parts = port_parts();
    const wp_ina_config config = wp_settings_ina(&settings);
    core_port.measure = NULL;
    if ((parts & PORT_SENSOR) != 0) {
        core_port.measure = measure_own;
    } else if ((parts & PORT_I2C) != 0 && config.kind != WP_INA_NONE) {
        wp_ina_init(&ina, &bus, &config);
        core_port.measure = measure_on_bus;
    }
    core_port.sensor = core_port.measure != NULL ? WP_SENSOR_PRESENT : WP_SENSOR_ABSENT;
}

static bool set_setting(void *context, uint8_t number, int32_t value)
{
    (void)context;
    if (!keep_setting(number, value)) {
        return false;
    }
    choose_sensor();
    return true;
}

const wp_port *hardware_start(void)
{
    start_parts(set_setting);
    choose_sensor();
    return &core_port;
}

#endif
