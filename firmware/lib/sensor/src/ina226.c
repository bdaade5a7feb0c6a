/* INA226: SBOS547B. Shunt 2.5 uV a step, +-81.92 mV; bus 1.25 mV a step. */
#include "ina_private.h"

#define REGISTER_FLAGS 0x06u /* "mask/enable" */
#define REGISTER_MAKER 0xFEu
#define REGISTER_DIE 0xFFu
#define CONFIGURATION 0x4127u /* 1.1 ms a conversion, both continuously */
#define SHIFT_AVERAGING 9u
#define CONVERSION_US 1210    /* of the 1.1 ms, at most */
#define FLAG_READY 0x0008u
#define MAKER 0x5449u
#define DIE 0x2260u
#define DIE_MASK 0xFFF0u      /* without the revision */

static const uint16_t averages[] = {1, 4, 16, 64, 128, 256, 512, 1024};
enum { N_AVERAGES = sizeof averages / sizeof averages[0] };

static uint16_t configuration(int32_t averaging_us, int32_t *taken_us)
{
    uint32_t code = 0;
    while (code + 1u < N_AVERAGES && 2 * CONVERSION_US * averages[code + 1u] <= averaging_us) {
        code++;
    }
    *taken_us = 2 * CONVERSION_US * averages[code];
    return (uint16_t)(CONFIGURATION | code << SHIFT_AVERAGING);
}

static bool is_it(const wp_ina *ina)
{
    uint16_t maker;
    uint16_t die;
    return wp_ina_read_register(ina, REGISTER_MAKER, &maker) && wp_ina_read_register(ina, REGISTER_DIE, &die) &&
           maker == MAKER && (die & DIE_MASK) == DIE;
}

/* Reading the flags clears the ready bit. */
static bool read_values(const wp_ina *ina, ina_values *values)
{
    uint16_t flags;
    uint16_t shunt;
    if (!wp_ina_read_register(ina, REGISTER_FLAGS, &flags) ||
        !wp_ina_read_register(ina, INA_REGISTER_SHUNT, &shunt) ||
        !wp_ina_read_register(ina, INA_REGISTER_BUS, &values->bus)) {
        return false;
    }
    values->shunt = (int16_t)(shunt < 0x8000u ? (int32_t)shunt : (int32_t)shunt - 0x10000);
    values->converted = (flags & FLAG_READY) != 0;
    return true;
}

const ina_chip wp_ina226_chip = {
    .shunt_step_nv = 2500,
    .bus_step_uv = 1250,
    .shunt_min = INT16_MIN,
    .shunt_max = INT16_MAX,
    .max_mv = WP_INA226_MAX_MV,
    .configuration = configuration,
    .is_it = is_it,
    .read = read_values,
};
