/* What no machine of QEMU's has: a sensor, its bus, flash for settings, a watchdog; and it always starts by power. */
#include "port.h"

uint32_t port_parts(void)
{
    return 0;
}

wp_boot port_boot(void)
{
    return WP_BOOT_POWER;
}

void port_watchdog_kick(void)
{
}

wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)address;
    (void)out;
    (void)n_out;
    (void)in;
    (void)n_in;
    return WP_I2C_BUS_ERROR;
}

bool port_flash_read(uint8_t page, uint8_t *bytes, size_t n)
{
    (void)page;
    (void)bytes;
    (void)n;
    return false;
}

bool port_flash_erase(uint8_t page)
{
    (void)page;
    return false;
}

bool port_flash_write(uint8_t page, const uint8_t *bytes, size_t n)
{
    (void)page;
    (void)bytes;
    (void)n;
    return false;
}

void port_measure(wp_reading *reading)
{
    *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
}
