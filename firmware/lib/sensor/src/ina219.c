/* INA219: SBOS448G. Shunt 10 uV a step whatever the range, which is the widest, +-320 mV; bus 4 mV a step. */
#include "ina_private.h"

#define REGISTER_POWER 0x03u
#define CONFIGURATION 0x3807u /* bus 32 V, shunt +-320 mV, both continuously */
#define AVERAGED 0x8u         /* 12 bits; the lower three bits are the binary logarithm of how many */
#define SHIFT_BUS 7u
#define SHIFT_SHUNT 3u
#define CONVERSION_US 586     /* 12 bits, at most */
#define EXPONENT_MAX 7u
#define BUS_READY 0x2u

static uint16_t configuration(int32_t averaging_us, int32_t *taken_us)
{
    uint32_t exponent = 0;
    *taken_us = 2 * CONVERSION_US;
    while (exponent < EXPONENT_MAX && 2 * *taken_us <= averaging_us) {
        *taken_us *= 2;
        exponent++;
    }
    const uint32_t mean = AVERAGED | exponent;
    return (uint16_t)(CONFIGURATION | mean << SHIFT_BUS | mean << SHIFT_SHUNT);
}

/* It has no identity; a configuration that stays as it was written has to do. */
static bool is_it(const wp_ina *ina)
{
    (void)ina;
    return true;
}

/* The ready bit stands beside the bus voltage; reading the power register clears it. */
static bool read_values(const wp_ina *ina, ina_values *values)
{
    uint16_t bus;
    uint16_t shunt;
    uint16_t power;
    if (!wp_ina_read_register(ina, INA_REGISTER_BUS, &bus) ||
        !wp_ina_read_register(ina, INA_REGISTER_SHUNT, &shunt) || !wp_ina_read_register(ina, REGISTER_POWER, &power)) {
        return false;
    }
    values->bus = (uint16_t)(bus >> 3);
    values->shunt = (int16_t)(shunt < 0x8000u ? (int32_t)shunt : (int32_t)shunt - 0x10000);
    values->converted = (bus & BUS_READY) != 0;
    return true;
}

const ina_chip wp_ina219_chip = {
    .shunt_step_nv = 10000,
    .bus_step_uv = 4000,
    .shunt_min = -32000,
    .shunt_max = 32000,
    .max_mv = WP_INA219_MAX_MV,
    .configuration = configuration,
    .is_it = is_it,
    .read = read_values,
};
