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

#endif
