/* hardware_parts.h: the parts of a board that are the same whatever it measures: line, clocks, flash, as the core asks for
 * them. Included by the one file that makes a port of them: hardware.c, or a charge point's.
 */
#ifndef HARDWARE_PARTS_H
#define HARDWARE_PARTS_H

#include "port.h"
#include "wp/settings.h"

static wp_port core_port;
static wp_settings settings;
static wp_settings_store store;

static void line_write(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    port_write(bytes, n);
}

static uint32_t clock_us(void *context)
{
    (void)context;
    return port_clock_us();
}

static uint32_t ticks(void *context)
{
    (void)context;
    return port_ticks();
}

static uint32_t stack_bytes(void *context)
{
    (void)context;
    return port_stack_bytes();
}

static bool flash_read(void *context, uint8_t page, uint8_t *bytes, size_t n)
{
    (void)context;
    return port_flash_read(page, bytes, n);
}

static bool flash_erase(void *context, uint8_t page)
{
    (void)context;
    return port_flash_erase(page);
}

static bool flash_write(void *context, uint8_t page, const uint8_t *bytes, size_t n)
{
    (void)context;
    return port_flash_write(page, bytes, n);
}

static const wp_flash flash = {.read = flash_read, .erase = flash_erase, .write = flash_write};

static void get_setting(void *context, uint8_t number, wp_setting *setting)
{
    int32_t initial;
    (void)context;
    wp_settings_limits(number, &setting->lowest, &setting->highest, &initial);
    setting->value = settings.value[number];
}

/* A setting to keep: false if the flash did not take it, which leaves all as they were. */
static bool keep_setting(uint8_t number, int32_t value)
{
    wp_settings changed = settings;
    changed.value[number] = value;
    if (!wp_settings_save(&store, &changed)) {
        return false;
    }
    settings = changed;
    return true;
}

/* Reads the settings, and begins core_port: what it measures with comes to it later. */
static void start_parts(bool (*set_setting)(void *context, uint8_t number, int32_t value))
{
    const bool keeps = (port_parts() & PORT_FLASH) != 0;
    wp_settings_load(&store, &flash, &settings);
    core_port = (wp_port){.write = line_write,
                          .clock_us = clock_us,
                          .ticks = ticks,
                          .ticks_per_s = port_ticks_per_s,
                          .stack_bytes = stack_bytes,
                          .n_settings = keeps ? WP_N_SETTINGS : 0,
                          .get_setting = keeps ? get_setting : NULL,
                          .set_setting = keeps ? set_setting : NULL,
                          .boot = port_boot()};
}

#endif
