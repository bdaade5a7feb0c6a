/* Settings in flash, with the power cut at every step of every write, in the midst of a word and of an erasure too. */
#include <string.h>

#include "check.h"
#include "wp/settings.h"

#define PAGE_BYTES 128u
#define WORD 4u

/* Flash whose power fails after so many steps: a step erases or writes a word. Erasing sets bits, writing clears some. */
static struct {
    uint8_t pages[WP_FLASH_PAGES][PAGE_BYTES];
    uint32_t steps_left;
    uint32_t n_steps;
    bool off;
    bool torn; /* the step at which the power fails is half done */
    bool deaf; /* writes are acknowledged and lost */
    uint32_t random;
} world;

static uint8_t random_byte(void)
{
    world.random = world.random * 1664525u + 1013904223u;
    return (uint8_t)(world.random >> 24);
}

/* Whether a step is done whole. */
static bool step(void)
{
    if (world.off || world.steps_left == 0) {
        return false;
    }
    world.steps_left--;
    world.n_steps++;
    return true;
}

static bool sim_read(void *context, uint8_t page, uint8_t *bytes, size_t n)
{
    (void)context;
    CHECK_TRUE(page < WP_FLASH_PAGES && n <= PAGE_BYTES);
    memcpy(bytes, world.pages[page], n);
    return !world.off;
}

static bool sim_erase(void *context, uint8_t page)
{
    (void)context;
    CHECK_TRUE(page < WP_FLASH_PAGES);
    for (size_t at = 0; at < PAGE_BYTES; at += WORD) {
        const bool whole = step();
        for (size_t k = 0; k < WORD && (whole || (!world.off && world.torn)); k++) {
            world.pages[page][at + k] = (uint8_t)(whole ? 0xFF : world.pages[page][at + k] | random_byte());
        }
        world.off = world.off || !whole;
    }
    return !world.off;
}

static bool sim_write(void *context, uint8_t page, const uint8_t *bytes, size_t n)
{
    (void)context;
    CHECK_TRUE(page < WP_FLASH_PAGES && n <= PAGE_BYTES && n % WORD == 0);
    for (size_t at = 0; at < n && !world.deaf; at += WORD) {
        const bool whole = step();
        for (size_t k = 0; k < WORD && (whole || (!world.off && world.torn)); k++) {
            const uint8_t before = world.pages[page][at + k];
            const uint8_t kept = whole ? 0 : random_byte();
            CHECK_TRUE(world.off || before == 0xFF);
            world.pages[page][at + k] = (uint8_t)(before & (bytes[at + k] | kept));
        }
        world.off = world.off || !whole;
    }
    return !world.off;
}

static const wp_flash flash = {.context = &world, .read = sim_read, .erase = sim_erase, .write = sim_write};
static wp_settings_store store;
static wp_settings settings;

static void power_on(void)
{
    world.off = false;
    world.torn = false;
    world.deaf = false;
    world.steps_left = UINT32_MAX;
    world.n_steps = 0;
    wp_settings_load(&store, &flash, &settings);
}

static void begin_with(uint8_t byte)
{
    memset(&world, 0, sizeof world);
    memset(world.pages, byte, sizeof world.pages);
    power_on();
}

/* Settings that differ in every value from those of another number. */
static wp_settings numbered(int32_t number)
{
    wp_settings made;
    for (uint8_t k = 0; k < WP_N_SETTINGS; k++) {
        int32_t lowest;
        int32_t highest;
        int32_t initial;
        wp_settings_limits(k, &lowest, &highest, &initial);
        made.value[k] = lowest + number % (highest - lowest + 1);
    }
    return made;
}

static bool equal(const wp_settings *a, const wp_settings *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_initial(const wp_settings *given)
{
    bool all = true;
    for (uint8_t k = 0; k < WP_N_SETTINGS; k++) {
        int32_t lowest;
        int32_t highest;
        int32_t initial;
        wp_settings_limits(k, &lowest, &highest, &initial);
        all = all && given->value[k] == initial;
    }
    return all;
}

static void test_new_board(void)
{
    static const uint8_t fillings[] = {0xFF, 0x00, 0x57, 0xA5};
    for (size_t k = 0; k < sizeof fillings; k++) {
        begin_with(fillings[k]);
        CHECK_TRUE(is_initial(&settings));
        CHECK_TRUE(!store.found);
    }
    CHECK_EQUAL(settings.value[WP_SETTING_SENSOR_NUMBER], WP_INA_NONE);
    CHECK_EQUAL(settings.value[WP_SETTING_SHUNT_UOHM_NUMBER], 100000);
}

static void test_keeps_the_latest(void)
{
    begin_with(0xFF);
    for (int32_t number = 1; number < 40; number++) {
        const wp_settings wanted = numbered(number);
        CHECK_TRUE(wp_settings_save(&store, &wanted));
        power_on();
        CHECK_TRUE(equal(&settings, &wanted));
        CHECK_EQUAL(store.generation, number);
        CHECK_EQUAL(store.page, (uint32_t)(number - 1) % 2u);
    }
}

/* Saves with the power cut at that step; then the power is back. Returns whether the save was whole. */
static bool save_with_cut(const wp_settings *wanted, uint32_t at_step, bool torn, uint32_t random)
{
    world.steps_left = at_step;
    world.torn = torn;
    world.random = random;
    const bool kept = wp_settings_save(&store, wanted);
    power_on();
    return kept;
}

/* One save, cut at a step, into a board that has been told `before` (and something else before that); then another one
 * whole. Returns whether the first was whole. */
static bool try_cut(uint32_t at_step, bool torn, uint32_t random)
{
    const wp_settings older = numbered(5);
    const wp_settings before = numbered(17);
    const wp_settings wanted = numbered(92);
    const wp_settings after = numbered(251);
    begin_with(0xFF);
    CHECK_TRUE(wp_settings_save(&store, &older));
    CHECK_TRUE(wp_settings_save(&store, &before));
    const bool kept = save_with_cut(&wanted, at_step, torn, random);
    CHECK_TRUE(equal(&settings, kept ? &wanted : &before) || (!kept && equal(&settings, &wanted)));
    const wp_settings found = settings;
    (void)save_with_cut(&after, at_step, torn, random + 1u); /* and the next one cut at the same place */
    CHECK_TRUE(equal(&settings, &found) || equal(&settings, &after));
    CHECK_TRUE(wp_settings_save(&store, &after));
    power_on();
    CHECK_TRUE(equal(&settings, &after));
    return kept;
}

static void test_power_cut_at_every_step(void)
{
    uint32_t n_cuts = 0;
    while (!try_cut(n_cuts, false, 0)) {
        n_cuts++;
    }
    /* A page erased and a record written, word by word: mark, generation, values, CRC. */
    CHECK_EQUAL(n_cuts, PAGE_BYTES / WORD + 3u + WP_N_SETTINGS);
    for (uint32_t at_step = 0; at_step < n_cuts; at_step++) {
        for (uint32_t random = 1; random <= 8; random++) {
            CHECK_TRUE(!try_cut(at_step, true, random * 2654435761u));
        }
    }
}

static void test_power_cut_at_the_first_save(void)
{
    const wp_settings wanted = numbered(33);
    for (uint32_t at_step = 0; at_step < PAGE_BYTES / WORD + 3u + WP_N_SETTINGS; at_step++) {
        begin_with(0x5A);
        CHECK_TRUE(!save_with_cut(&wanted, at_step, (at_step & 1u) != 0, at_step));
        CHECK_TRUE(is_initial(&settings) || equal(&settings, &wanted));
    }
}

static void test_every_flipped_bit_is_seen(void)
{
    const wp_settings older = numbered(5);
    const wp_settings newer = numbered(17);
    begin_with(0xFF);
    CHECK_TRUE(wp_settings_save(&store, &older));
    CHECK_TRUE(wp_settings_save(&store, &newer));
    for (uint32_t bit = 0; bit < 8u * WORD * (3u + WP_N_SETTINGS); bit++) {
        uint8_t *byte = &world.pages[1][bit / 8u];
        *byte = (uint8_t)(*byte ^ 1u << bit % 8u);
        power_on();
        CHECK_TRUE(equal(&settings, &older)); /* the other page is whole */
        *byte = (uint8_t)(*byte ^ 1u << bit % 8u);
    }
}

static void test_flash_that_forgets(void)
{
    const wp_settings before = numbered(17);
    const wp_settings wanted = numbered(92);
    begin_with(0xFF);
    CHECK_TRUE(wp_settings_save(&store, &before));
    world.deaf = true;
    CHECK_TRUE(!wp_settings_save(&store, &wanted));
    power_on();
    CHECK_TRUE(equal(&settings, &before));
}

static void append_word(uint8_t *record, size_t *n, uint32_t value)
{
    for (uint32_t k = 0; k < WORD; k++) {
        record[*n] = (uint8_t)(value >> (8u * k));
        (*n)++;
    }
}

/* A record of another firmware, built from its definition. */
static void write_record(uint8_t page, uint32_t n_values, uint32_t generation, const int32_t values[])
{
    size_t n = 0;
    append_word(world.pages[page], &n, 0x57505300u + n_values);
    append_word(world.pages[page], &n, generation);
    for (uint32_t k = 0; k < n_values; k++) {
        append_word(world.pages[page], &n, (uint32_t)values[k]);
    }
    append_word(world.pages[page], &n, check_crc32(world.pages[page], n));
}

static void test_record_of_an_older_firmware(void)
{
    static const int32_t values[] = {WP_INA226, 0x44, 2000};
    begin_with(0xFF);
    write_record(1, 3, 7, values);
    power_on();
    CHECK_EQUAL(settings.value[0], WP_INA226);
    CHECK_EQUAL(settings.value[1], 0x44);
    CHECK_EQUAL(settings.value[2], 2000);
    CHECK_EQUAL(settings.value[3], 0);
    CHECK_EQUAL(store.generation, 7);
}

static void test_value_no_longer_allowed(void)
{
    static const int32_t values[] = {WP_INA226, 0x50, 2000, -200001, INT32_MIN};
    begin_with(0xFF);
    write_record(0, 5, 1, values);
    power_on();
    CHECK_EQUAL(settings.value[0], WP_INA226);
    CHECK_EQUAL(settings.value[1], WP_INA_ADDRESS_MIN);
    CHECK_EQUAL(settings.value[2], 2000);
    CHECK_EQUAL(settings.value[3], 0);
    CHECK_EQUAL(settings.value[4], 0);
}

static void test_generation_wraps(void)
{
    static const int32_t older[] = {WP_INA226};
    static const int32_t newer[] = {WP_INA219};
    begin_with(0xFF);
    write_record(0, 1, 0, newer);
    write_record(1, 1, UINT32_MAX, older);
    power_on();
    CHECK_EQUAL(settings.value[0], WP_INA219);
    begin_with(0xFF);
    write_record(0, 1, UINT32_MAX, older);
    power_on();
    const wp_settings wanted = numbered(3);
    CHECK_TRUE(wp_settings_save(&store, &wanted));
    power_on();
    CHECK_TRUE(equal(&settings, &wanted));
    CHECK_EQUAL(store.generation, 0);
}

static void test_driver_gets_them(void)
{
    const wp_settings given = {{WP_INA226, 0x45, 5000, -7, 11, 13, -17, 50}};
    const wp_ina_config config = wp_settings_ina(&given);
    CHECK_EQUAL(config.kind, WP_INA226);
    CHECK_EQUAL(config.address, 0x45);
    CHECK_EQUAL(config.shunt_uohm, 5000);
    CHECK_EQUAL(config.current_gain_ppm, -7);
    CHECK_EQUAL(config.current_offset_ua, 11);
    CHECK_EQUAL(config.voltage_gain_ppm, 13);
    CHECK_EQUAL(config.voltage_offset_uv, -17);
    CHECK_EQUAL(config.averaging_ms, 50);
}

int main(void)
{
    check_begin();
    RUN(test_new_board);
    RUN(test_keeps_the_latest);
    RUN(test_power_cut_at_every_step);
    RUN(test_power_cut_at_the_first_save);
    RUN(test_every_flipped_bit_is_seen);
    RUN(test_flash_that_forgets);
    RUN(test_record_of_an_older_firmware);
    RUN(test_value_no_longer_allowed);
    RUN(test_generation_wraps);
    RUN(test_driver_gets_them);
    return check_end();
}
