#include "wp/settings.h"

#include <string.h>

#include "wp/crc32.h"

/* A record: mark, generation, values, CRC-32 over all before it; little-endian words. The mark's lowest byte is the number
 * of values: a record from before some were added is read, one from after is not. */
#if WP_PROFILE_EV
#define MARK 0x57505600u /* "WPV": another list, whose numbers mean something else */
#else
#define MARK 0x57505300u /* "WPS" */
#endif
#define WORD 4u
#define RECORD_WORDS(n_values) (2u + (n_values) + 1u)
#define RECORD_BYTES (WORD * RECORD_WORDS(WP_N_SETTINGS))
_Static_assert(WP_N_SETTINGS <= 255, "the number of settings is one byte");

static const int32_t limits[WP_N_SETTINGS][3] = {
#define LIMITS(name, lowest, highest, initial) {(lowest), (highest), (initial)},
    WP_SETTING_LIST(LIMITS)
#undef LIMITS
};

#define CHECK_LIMITS(name, lowest, highest, initial)                                                                   \
    _Static_assert((lowest) <= (initial) && (initial) <= (highest), #name ": a new board's value is an allowed one");
WP_SETTING_LIST(CHECK_LIMITS)
#undef CHECK_LIMITS

void wp_settings_limits(uint8_t number, int32_t *lowest, int32_t *highest, int32_t *initial)
{
    *lowest = limits[number][0];
    *highest = limits[number][1];
    *initial = limits[number][2];
}

static void put_word(uint8_t *bytes, uint32_t value)
{
    for (uint32_t k = 0; k < WORD; k++) {
        bytes[k] = (uint8_t)(value >> (8u * k));
    }
}

static uint32_t get_word(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static int32_t signed_word(const uint8_t *bytes)
{
    const uint32_t value = get_word(bytes);
    return value <= (uint32_t)INT32_MAX ? (int32_t)value : -(int32_t)(UINT32_MAX - value) - 1;
}

/* Reads a page's record. False without a whole one. */
static bool read_record(const wp_flash *flash, uint8_t page, uint32_t *generation, wp_settings *settings)
{
    uint8_t record[RECORD_BYTES];
    if (!flash->read(flash->context, page, record, sizeof record)) {
        return false;
    }
    const uint32_t n_values = get_word(record) - MARK; /* modulo 2^32: another mark gives a large number */
    if (n_values > WP_N_SETTINGS) {
        return false;
    }
    const size_t n_checked = WORD * (2u + n_values);
    if (get_word(record + n_checked) != wp_crc32(0, record, n_checked)) {
        return false;
    }
    *generation = get_word(record + WORD);
    for (uint32_t k = 0; k < n_values; k++) {
        const int32_t value = signed_word(record + WORD * (2u + k));
        if (value >= limits[k][0] && value <= limits[k][1]) {
            settings->value[k] = value;
        }
    }
    return true;
}

static void set_initial(wp_settings *settings)
{
    for (size_t k = 0; k < WP_N_SETTINGS; k++) {
        settings->value[k] = limits[k][2];
    }
}

void wp_settings_load(wp_settings_store *store, const wp_flash *flash, wp_settings *settings)
{
    *store = (wp_settings_store){.flash = flash};
    set_initial(settings);
    for (uint8_t page = 0; page < WP_FLASH_PAGES; page++) {
        wp_settings found;
        uint32_t generation = 0;
        set_initial(&found);
        if (!read_record(flash, page, &generation, &found)) {
            continue;
        }
        if (!store->found || generation - store->generation <= (uint32_t)INT32_MAX) { /* modulo 2^32: not older */
            store->found = true;
            store->page = page;
            store->generation = generation;
            *settings = found;
        }
    }
}

bool wp_settings_save(wp_settings_store *store, const wp_settings *settings)
{
    const wp_flash *flash = store->flash;
    const uint8_t page = store->found ? (uint8_t)(1u - store->page) : 0;
    const uint32_t generation = store->generation + 1u;
    uint8_t record[RECORD_BYTES];
    uint8_t written[RECORD_BYTES];

    put_word(record, MARK + WP_N_SETTINGS);
    put_word(record + WORD, generation);
    for (size_t k = 0; k < WP_N_SETTINGS; k++) {
        put_word(record + WORD * (2u + k), (uint32_t)settings->value[k]);
    }
    put_word(record + RECORD_BYTES - WORD, wp_crc32(0, record, RECORD_BYTES - WORD));
    if (!flash->erase(flash->context, page) || !flash->write(flash->context, page, record, sizeof record) ||
        !flash->read(flash->context, page, written, sizeof written) || memcmp(record, written, sizeof record) != 0) {
        return false;
    }
    store->found = true;
    store->page = page;
    store->generation = generation;
    return true;
}

#if WP_PROFILE_EV

uint32_t wp_settings_baud(const wp_settings *settings)
{
    static const uint32_t bauds[WP_SETTING_BAUDS] = {1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200};
    return bauds[settings->value[WP_SETTING_METER_BAUD_NUMBER]];
}

#else

wp_ina_config wp_settings_ina(const wp_settings *settings)
{
    const int32_t *value = settings->value;
    return (wp_ina_config){
        .kind = (wp_ina_kind)value[WP_SETTING_SENSOR_NUMBER],
        .address = (uint8_t)value[WP_SETTING_ADDRESS_NUMBER],
        .shunt_uohm = value[WP_SETTING_SHUNT_UOHM_NUMBER],
        .averaging_ms = value[WP_SETTING_AVERAGING_MS_NUMBER],
        .current_gain_ppm = value[WP_SETTING_CURRENT_GAIN_PPM_NUMBER],
        .current_offset_ua = value[WP_SETTING_CURRENT_OFFSET_UA_NUMBER],
        .voltage_gain_ppm = value[WP_SETTING_VOLTAGE_GAIN_PPM_NUMBER],
        .voltage_offset_uv = value[WP_SETTING_VOLTAGE_OFFSET_UV_NUMBER],
    };
}

#endif
