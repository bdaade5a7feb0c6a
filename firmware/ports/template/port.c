/* A port to copy: the least that a board needs, and where to go on. Copy this folder, give the copy an environment in
 * platformio.ini (custom_port), and replace what is marked YOURS.
 *
 * As it stands it runs on QEMU's virt machine (RISC-V), env:template, so that it is known to work.
 *
 * Registers: 16550 data sheet; RISC-V CLINT (SiFive FU540 manual, 9).
 */
#include "port.h"

/* YOURS: a serial port that can be asked and a free-running counter are all it takes to answer injected samples. */
#define UART ((volatile uint8_t *)0x10000000u)
enum { UART_DATA = 0, UART_STATUS = 5 };
#define UART_STATUS_RECEIVED 0x01u
#define UART_STATUS_CAN_SEND 0x20u
#define COUNTER (*(volatile uint32_t *)0x0200BFF8u)
#define COUNTER_PER_US 10u

/* The counter's ticks and rate: what "time of an answer" is counted in. */
const uint32_t port_ticks_per_s = COUNTER_PER_US * 1000000u;

uint32_t port_ticks(void)
{
    return COUNTER;
}

/* Has to wrap at 2^32 microseconds, not where the counter does: the difference to the last look is added up. wp_board_tick
 * asks at least once a period, which is much shorter than the counter's 429 s. */
uint32_t port_clock_us(void)
{
    static uint32_t counted;
    static uint32_t us;
    const uint32_t n_us = (COUNTER - counted) / COUNTER_PER_US;
    counted += n_us * COUNTER_PER_US; /* what is less than a microsecond is left for the next look */
    us += n_us;
    return us;
}

/* YOURS: clocks, pins, baud rate 115200. Whatever a host has sent before is allowed to be lost. */
int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    return 0;
}

void port_write(const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        while ((UART[UART_STATUS] & UART_STATUS_CAN_SEND) == 0) { /* until the byte before has left */
        }
        UART[UART_DATA] = bytes[i];
    }
}

/* YOURS: sleep here until a byte or the time has come (wfi, a semaphore); this one spins. A driver with a buffer of less
 * than WP_CREDIT_BYTES loses bytes while an answer is worked out. */
bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    const uint32_t begin_us = port_clock_us();
    *n = 0;
    while ((UART[UART_STATUS] & UART_STATUS_RECEIVED) == 0 &&
           (wait_us == WP_WAIT_FOR_EVER || port_clock_us() - begin_us < wait_us)) {
    }
    while (*n < size && (UART[UART_STATUS] & UART_STATUS_RECEIVED) != 0) {
        bytes[*n] = UART[UART_DATA];
        (*n)++;
    }
    return true;
}

/* YOURS: the chip's reset reason, so that a host learns why a charge was lost. */
wp_boot port_boot(void)
{
    return WP_BOOT_POWER;
}

/* YOURS: the watchdog's register. Start it at the end of port_init. */
void port_watchdog_kick(void)
{
}

/* YOURS: a stack painted at the start and looked at from its far end, or an operating system's high-water mark. */
uint32_t port_stack_bytes(void)
{
    return WP_NOT_KNOWN;
}

/* YOURS: PORT_I2C and PORT_FLASH once the functions below do something. */
uint32_t port_parts(void)
{
    return 0;
}

/* YOURS: write, then read with a repeated start, with a time limit of a few ms. */
wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)address;
    (void)out;
    (void)n_out;
    (void)in;
    (void)n_in;
    return WP_I2C_BUS_ERROR;
}

/* YOURS: two pages that can be erased one without the other, outside of the program. */
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

/* For a board whose sensor is none of those in firmware/lib/sensor. */
void port_measure(wp_reading *reading)
{
    *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
}
