#include "ina_simulator.h"

#include <string.h>

enum { CONFIGURATION = 0, SHUNT = 1, BUS = 2, POWER = 3, FLAGS_226 = 6, MAKER_226 = 0xFE, DIE_226 = 0xFF };
#define RESET 0x8000u
#define POWER_UP_219 0x399Fu
#define POWER_UP_226 0x4127u
#define CONTINUOUS 0x4u /* of the three mode bits */
#define MODE_SHUNT_AND_BUS 0x3u

static int64_t clamp(int64_t value, int64_t lowest, int64_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

static int64_t nearest(int64_t numerator, int64_t divisor)
{
    return (2 * numerator + (numerator < 0 ? -divisor : divisor)) / (2 * divisor);
}

void ina_simulator_lose_supply(ina_simulator *chip)
{
    chip->configuration = chip->is_226 ? POWER_UP_226 : POWER_UP_219;
    chip->shunt = 0;
    chip->bus = 0;
    chip->pointer = 0;
    chip->looks_left = chip->looks_busy;
    chip->ready = false;
}

void ina_simulator_init(ina_simulator *chip, bool is_226, uint8_t address, int32_t shunt_uohm)
{
    memset(chip, 0, sizeof *chip);
    chip->is_226 = is_226;
    chip->address = address;
    chip->shunt_uohm = shunt_uohm;
    chip->maker = 0x5449u;
    chip->die = 0x2261u; /* revision 1 */
    ina_simulator_lose_supply(chip);
}

/* The end of a conversion: the registers follow what flows, as far as their scale goes. */
static void convert(ina_simulator *chip)
{
    const int64_t shunt_nv = (int64_t)chip->current_ua * chip->shunt_uohm / 1000;
    if (chip->is_226) {
        chip->shunt = (uint16_t)clamp(nearest(shunt_nv, 2500), INT16_MIN, INT16_MAX);
        chip->bus = (uint16_t)clamp(nearest(chip->voltage_uv, 1250), 0, INT16_MAX);
    } else {
        const int64_t shunt_end = 4000 << (chip->configuration >> 11 & 3u); /* 40, 80, 160, 320 mV of 10 uV */
        const int64_t bus_end = (chip->configuration & 0x2000u) != 0 ? 8000 : 4000; /* 32 or 16 V of 4 mV */
        chip->shunt = (uint16_t)clamp(nearest(shunt_nv, 10000), -shunt_end, shunt_end);
        chip->bus = (uint16_t)clamp(nearest(chip->voltage_uv, 4000), 0, bus_end);
    }
    chip->ready = true;
}

/* Time passes between two looks; a continuous chip has converted meanwhile. */
static void pass(ina_simulator *chip)
{
    const bool works = (chip->configuration & CONTINUOUS) != 0 &&
                       (chip->configuration & MODE_SHUNT_AND_BUS) == MODE_SHUNT_AND_BUS;
    if (chip->looks_left > 0) {
        chip->looks_left--;
    } else if (works && (chip->faults & INA_FAULT_FROZEN) == 0) {
        convert(chip);
    }
}

static uint16_t read_226(ina_simulator *chip)
{
    uint16_t flags;
    switch (chip->pointer) {
    case FLAGS_226:
        pass(chip);
        flags = chip->ready ? 0x0008u : 0;
        chip->ready = false;
        return flags;
    case BUS:
        return chip->bus;
    case MAKER_226:
        return chip->maker;
    case DIE_226:
        return chip->die;
    default:
        return 0;
    }
}

static uint16_t read_219(ina_simulator *chip)
{
    switch (chip->pointer) {
    case BUS:
        pass(chip);
        return (uint16_t)(chip->bus << 3 | (chip->ready ? 2 : 0));
    case POWER:
        chip->ready = false;
        return 0;
    default:
        return 0;
    }
}

static uint16_t read_register(ina_simulator *chip)
{
    switch (chip->pointer) {
    case CONFIGURATION:
        return chip->configuration;
    case SHUNT:
        return chip->shunt;
    default:
        return chip->is_226 ? read_226(chip) : read_219(chip);
    }
}

static void write_register(ina_simulator *chip, uint16_t value)
{
    if (chip->pointer != CONFIGURATION) {
        return;
    }
    chip->n_configured++;
    if ((value & RESET) != 0) {
        ina_simulator_lose_supply(chip);
        return;
    }
    chip->configuration = chip->is_226 ? (uint16_t)((value & 0x0FFFu) | 0x4000u) : (uint16_t)(value & 0x3FFFu);
    chip->looks_left = chip->looks_busy;
    chip->ready = false;
}

static wp_i2c_status transfer(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                              size_t n_in)
{
    ina_simulator *chip = context;
    chip->n_transfers++;
    if ((chip->faults & INA_FAULT_STUCK) != 0) {
        return WP_I2C_BUS_ERROR;
    }
    if ((chip->faults & INA_FAULT_ABSENT) != 0 || address != chip->address) {
        return WP_I2C_NO_ANSWER;
    }
    if (n_out > 0) {
        chip->pointer = out[0];
    }
    if (n_out >= 3) {
        write_register(chip, (uint16_t)((uint32_t)out[1] << 8 | out[2]));
    }
    if (n_in > 0) {
        const uint16_t value = (chip->faults & INA_FAULT_FLOATING) != 0 ? 0xFFFFu : read_register(chip);
        for (size_t k = 0; k < n_in; k++) { /* behind the two bytes the register comes again */
            in[k] = (uint8_t)(k % 2 == 0 ? value >> 8 : value);
        }
    }
    return WP_I2C_OK;
}

wp_i2c ina_simulator_bus(ina_simulator *chip)
{
    return (wp_i2c){.context = chip, .transfer = transfer};
}
