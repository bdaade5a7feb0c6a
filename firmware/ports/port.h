/* port.h: all that a board supplies: its line, clocks, I2C bus, flash, watchdog, and why it started.
 *
 * One folder beside this file implements every function here; which one, the PlatformIO environment says (custom_port).
 * There are no defaults: a board that leaves one out does not link. What a board does not have, port_parts does not name,
 * and its function fails. A port moves bytes; it knows nothing of lines, sensors or models. To begin one, copy template.
 */
#ifndef PORT_H
#define PORT_H

#include "wp/board.h"
#include "wp/flash.h"
#include "wp/i2c.h"

/* Sets the board up; called once, before anything else.
 *
 *   argc, argv  the command line where there is one, else 0 and NULL
 *
 * Returns 0, or the exit code of a program that cannot serve a line; it has said why. */
int port_init(int argc, char *argv[]);

/* What the board has, a sum of these. Asked after port_init; never changes. */
enum {
    PORT_I2C = 0x1,   /* a bus for a sensor */
    PORT_FLASH = 0x2, /* two pages for settings */
    PORT_SENSOR = 0x4 /* a sensor of the port's own: port_measure. The settings' sensor is not asked for then */
};
uint32_t port_parts(void);

/* Why the board started. Announced in the hello, so that a reset in mid-charge is seen. */
wp_boot port_boot(void);

/* The line. Waits for the host without spinning, but no longer than wait_us, nor so long that the watchdog bites.
 *
 *   wait_us  0: takes what is there; WP_WAIT_FOR_EVER: no limit. Early is no error
 *   bytes    [size], what has arrived
 *   n        how many of them; 0 when the time was over
 *
 * Returns false when the line has ended for good. */
bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n);

/* Sends all n bytes, in order. The only call that may wait for the host. Where a host can leave the line, as on USB, what
 * nobody takes within a moment is dropped: a board must not hang on a host. */
void port_write(const uint8_t *bytes, size_t n);

/* Free-running microseconds, wrap at 2^32. */
uint32_t port_clock_us(void);

/* The finest counter there is, for the time of an answer; wraps at 2^32. port_ticks_per_s is its rate; 0: a tick is one
 * executed instruction. */
uint32_t port_ticks(void);
extern const uint32_t port_ticks_per_s;

/* Deepest stack so far, or WP_NOT_KNOWN. */
uint32_t port_stack_bytes(void);

/* Keeps the watchdog from resetting the board; called between waits. Its period is longer than the longest work, 1 s. */
void port_watchdog_kick(void);

/* The I2C bus, as wp/i2c.h has it; WP_I2C_BUS_ERROR without one. */
wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in);

/* Flash, as wp/flash.h has it: WP_FLASH_PAGES pages of at least PORT_FLASH_BYTES; false without any. */
#define PORT_FLASH_BYTES 128u
bool port_flash_read(uint8_t page, uint8_t *bytes, size_t n);
bool port_flash_erase(uint8_t page);
bool port_flash_write(uint8_t page, const uint8_t *bytes, size_t n);

/* A measurement of the port's own sensor, at most a few ms; WP_SENSOR_NO_ANSWER without one. */
void port_measure(wp_reading *reading);

#endif
