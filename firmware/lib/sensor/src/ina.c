#include "ina_private.h"

/* A look at the chip takes 100 us or more: nine bits a byte, four bytes and more, at 400 kHz. */
#define LOOK_US 100
#define LOOKS_MORE 10
#define PPM 1000000

static const ina_chip *chip_of(const wp_ina_config *config)
{
    return config->kind == WP_INA219 ? &wp_ina219_chip : &wp_ina226_chip;
}

void wp_ina_init(wp_ina *ina, const wp_i2c *bus, const wp_ina_config *config)
{
    int32_t taken_us;
    const int32_t averaging_ms = config->averaging_ms < 1000 ? config->averaging_ms : 1000;
    ina->bus = bus;
    ina->config = *config;
    ina->configuration = chip_of(config)->configuration(averaging_ms * 1000, &taken_us);
    ina->looks_max = (uint16_t)(taken_us / LOOK_US + LOOKS_MORE);
    ina->configured = false;
}

int32_t wp_ina_max_ma(const wp_ina_config *config)
{
    const ina_chip *chip = chip_of(config);
    return (int32_t)((int64_t)chip->shunt_max * chip->shunt_step_nv / config->shunt_uohm); /* nV / uohm = mA */
}

bool wp_ina_read_register(const wp_ina *ina, uint8_t number, uint16_t *value)
{
    uint8_t bytes[2];
    const wp_i2c *bus = ina->bus;
    if (bus->transfer(bus->context, ina->config.address, &number, 1, bytes, sizeof bytes) != WP_I2C_OK) {
        return false;
    }
    *value = (uint16_t)((uint32_t)bytes[0] << 8 | bytes[1]);
    return true;
}

static bool holds_configuration(const wp_ina *ina)
{
    uint16_t found;
    return wp_ina_read_register(ina, INA_REGISTER_CONFIGURATION, &found) && found == ina->configuration;
}

/* Writes the configuration, which begins a conversion, and waits until it has ended: bounded by looks. */
static bool configure(wp_ina *ina, ina_values *values)
{
    const wp_i2c *bus = ina->bus;
    const ina_chip *chip = chip_of(&ina->config);
    const uint8_t bytes[3] = {INA_REGISTER_CONFIGURATION, (uint8_t)(ina->configuration >> 8),
                              (uint8_t)ina->configuration};
    if (!chip->is_it(ina) ||
        bus->transfer(bus->context, ina->config.address, bytes, sizeof bytes, NULL, 0) != WP_I2C_OK ||
        !holds_configuration(ina)) {
        return false;
    }
    for (uint32_t look = 0; look < ina->looks_max; look++) {
        if (!chip->read(ina, values)) {
            return false;
        }
        if (values->converted) {
            break;
        }
    }
    ina->configured = true;
    return true;
}

/* Values of a chip that is there. A chip that has lost its configuration has been without supply: it gets it again. */
static bool read_values(wp_ina *ina, ina_values *values)
{
    if (ina->configured && holds_configuration(ina)) {
        return chip_of(&ina->config)->read(ina, values);
    }
    return configure(ina, values);
}

/* Half away from zero. The core divides without sign too, so that one routine of 64 bits does; divisor > 0. */
static int64_t divide_rounded(int64_t numerator, int32_t divisor)
{
    const uint64_t magnitude = numerator < 0 ? (uint64_t)0 - (uint64_t)numerator : (uint64_t)numerator;
    const uint64_t quotient = (magnitude + (uint32_t)divisor / 2u) / (uint32_t)divisor;
    return numerator < 0 ? -(int64_t)quotient : (int64_t)quotient;
}

/* To thousandths of the unit it comes in, calibrated. A sensor's values keep far below the ends of 64 bits. */
static int32_t calibrated(int64_t millionths, int32_t gain_ppm, int32_t offset)
{
    const int64_t value = divide_rounded(millionths + divide_rounded(millionths * gain_ppm, PPM) + offset, 1000);
    if (value > INT32_MAX || value < INT32_MIN) {
        return value > 0 ? INT32_MAX : INT32_MIN;
    }
    return (int32_t)value;
}

void wp_ina_measure(wp_ina *ina, wp_reading *reading)
{
    const wp_ina_config *config = &ina->config;
    const ina_chip *chip = chip_of(config);
    ina_values values = {.converted = false};

    *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
    if (!read_values(ina, &values)) {
        ina->configured = false;
        return;
    }
    const int64_t shunt_nv = (int64_t)values.shunt * chip->shunt_step_nv;
    const int32_t bus_uv = values.bus * chip->bus_step_uv;
    if (!values.converted) {
        reading->status = WP_SENSOR_FROZEN;
    } else if (values.shunt <= chip->shunt_min || values.shunt >= chip->shunt_max || bus_uv / 1000 >= chip->max_mv) {
        reading->status = WP_SENSOR_SATURATED;
    } else {
        const int64_t current_ua = divide_rounded(shunt_nv * 1000, config->shunt_uohm);
        reading->status = WP_SENSOR_OK;
        reading->current_ma = calibrated(current_ua, config->current_gain_ppm, config->current_offset_ua);
        reading->voltage_mv = calibrated(bus_uv, config->voltage_gain_ppm, config->voltage_offset_uv);
        reading->raw = (uint32_t)(uint16_t)values.shunt << 16 | values.bus;
    }
}
