#include "wp/sdm.h"

#include <string.h>

#include "wp/float32.h"

enum { PHASES_FIRST = 0x0000, PHASES_REGISTERS = 36, TOTALS_FIRST = 0x0046, TOTALS_REGISTERS = 6 };
/* Values within a block, each two registers. */
enum { VOLTAGE = 0, CURRENT = 3, POWER = 6, POWER_FACTOR = 15 };
enum { FREQUENCY = 0, IMPORTED = 1 };

#define PER_UNIT 1000u
#define POWER_MAX_W 1000000      /* 350 kW is the most a vehicle takes today */
#define POWER_FACTOR_MAX 1010    /* a meter's rounding; what lies above 1 is taken for 1 */
#define FREQUENCY_MAX_MHZ 100000
#define DRAWING_MA 1000

void wp_sdm_init(wp_sdm *sdm, const wp_serial *line, const wp_modbus_config *config)
{
    memset(sdm, 0, sizeof *sdm);
    wp_modbus_init(&sdm->bus, line, config);
}

/* A value of the block that has just come, scaled; false for one that is not within its limits. */
static bool value_of(const wp_modbus *bus, uint32_t index, uint32_t scale, int32_t lowest, int32_t highest,
                     int32_t *value)
{
    const uint8_t at = (uint8_t)(2u * index);
    const uint32_t high = wp_modbus_register(bus, at);
    const uint32_t low = wp_modbus_register(bus, (uint8_t)(at + 1u));
    return wp_float32_scaled(high << 16 | low, scale, value) && *value >= lowest && *value <= highest;
}

static bool take_phase(const wp_modbus *bus, uint32_t k, wp_meter_reading *reading)
{
    int32_t factor = 0;
    int32_t *current_ma = &reading->current_ma[k];
    if (!value_of(bus, VOLTAGE + k, PER_UNIT, 0, WP_VOLTAGE_MAX_MV, &reading->voltage_mv[k]) ||
        !value_of(bus, CURRENT + k, PER_UNIT, -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA, current_ma) ||
        !value_of(bus, POWER + k, 1, -POWER_MAX_W, POWER_MAX_W, &reading->power_w[k]) ||
        !value_of(bus, POWER_FACTOR + k, PER_UNIT, -POWER_FACTOR_MAX, POWER_FACTOR_MAX, &factor)) {
        return false;
    }
    const int32_t magnitude_ma = *current_ma < 0 ? -*current_ma : *current_ma;
    const int32_t magnitude = factor > 1000 || factor < -1000 ? 1000 : factor < 0 ? -factor : factor;
    const int32_t sign = reading->power_w[k] < 0 ? -1 : 1;
    *current_ma = sign * magnitude_ma;
    reading->power_factor_permille[k] = magnitude_ma < WP_METER_POWER_FACTOR_MIN_MA ? WP_MISSING : sign * magnitude;
    return true;
}

static int32_t largest_ma(const wp_meter_reading *reading)
{
    int32_t largest = 0;
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        const int32_t current_ma = reading->current_ma[k] < 0 ? -reading->current_ma[k] : reading->current_ma[k];
        largest = current_ma > largest ? current_ma : largest;
    }
    return largest;
}

/* Eighteen floats do not stand still by themselves while current flows. */
static bool is_frozen(wp_sdm *sdm)
{
    const uint16_t bits = wp_modbus_crc(sdm->bus.bytes, 3u + 2u * PHASES_REGISTERS);
    const bool same = bits == sdm->bits && largest_ma(&sdm->so_far) >= DRAWING_MA;
    sdm->n_same = same ? (uint8_t)(sdm->n_same < WP_METER_SAME_MAX ? sdm->n_same + 1 : WP_METER_SAME_MAX) : 0;
    sdm->bits = bits;
    return sdm->n_same >= WP_METER_SAME_MAX - 1;
}

static wp_meter_status take_phases(wp_sdm *sdm)
{
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        if (!take_phase(&sdm->bus, k, &sdm->so_far)) {
            return WP_METER_OUT_OF_RANGE;
        }
    }
    return is_frozen(sdm) ? WP_METER_FROZEN : WP_METER_OK;
}

static wp_meter_status take_totals(wp_sdm *sdm)
{
    wp_meter_reading *reading = &sdm->so_far;
    const bool known = value_of(&sdm->bus, FREQUENCY, PER_UNIT, 0, FREQUENCY_MAX_MHZ, &reading->frequency_mhz) &&
                       value_of(&sdm->bus, IMPORTED, PER_UNIT, 0, INT32_MAX, &reading->energy_wh);
    return known ? WP_METER_OK : WP_METER_OUT_OF_RANGE;
}

static wp_meter_status status_of(wp_modbus_status status)
{
    switch (status) {
    case WP_MODBUS_OK:
        return WP_METER_OK;
    case WP_MODBUS_REFUSED:
        return WP_METER_REFUSED;
    case WP_MODBUS_DAMAGED:
        return WP_METER_DAMAGED;
    default:
        return WP_METER_NO_ANSWER;
    }
}

static bool begin(void *context, uint32_t now_us)
{
    wp_sdm *sdm = context;
    if (sdm->reading || !wp_modbus_read(&sdm->bus, now_us, PHASES_FIRST, PHASES_REGISTERS)) {
        return false;
    }
    sdm->reading = true;
    sdm->second = false;
    return true;
}

static bool poll(void *context, uint32_t now_us, wp_meter_reading *reading)
{
    wp_sdm *sdm = context;
    if (!sdm->reading) {
        return false;
    }
    const wp_modbus_status heard = wp_modbus_poll(&sdm->bus, now_us);
    if (heard == WP_MODBUS_BUSY) {
        return false;
    }
    wp_meter_status status = status_of(heard);
    if (status == WP_METER_OK) {
        status = sdm->second ? take_totals(sdm) : take_phases(sdm);
    }
    if (status == WP_METER_OK && !sdm->second) {
        sdm->second = true;
        status = wp_modbus_read(&sdm->bus, now_us, TOTALS_FIRST, TOTALS_REGISTERS) ? WP_METER_OK : WP_METER_NO_ANSWER;
        if (status == WP_METER_OK) {
            return false;
        }
    }
    sdm->reading = false;
    sdm->so_far.status = status;
    *reading = sdm->so_far;
    return true;
}

wp_meter wp_sdm_meter(wp_sdm *sdm)
{
    return (wp_meter){.context = sdm, .begin = begin, .poll = poll};
}
