/* The native board's line for a meter: a serial device of this machine, for instance an adapter from USB to RS-485, that
 * the environment variable WATTPRINT_METER names. POSIX only. Such an adapter switches its transmitter by itself.
 */
#define _DEFAULT_SOURCE /* cfmakeraw, and rates beyond POSIX's; without it -std=c11 hides them */
#define _DARWIN_C_SOURCE

#include "port_meter.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

static int device = -1;

static size_t read_line(void *context, uint8_t *bytes, size_t size)
{
    (void)context;
    const ssize_t n = read(device, bytes, size); /* 0 or an error where nothing has come */
    return n > 0 ? (size_t)n : 0;
}

static void write_line(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    const ssize_t sent = write(device, bytes, n); /* a request is shorter than any device's buffer */
    (void)sent;                                   /* what is lost is asked for again */
}

static speed_t speed_of(uint32_t baud)
{
    static const struct {
        uint32_t baud;
        speed_t speed;
    } speeds[] = {{1200, B1200},   {2400, B2400},   {4800, B4800},   {9600, B9600},
                  {19200, B19200}, {38400, B38400}, {57600, B57600}, {115200, B115200}};
    for (size_t k = 0; k < sizeof speeds / sizeof speeds[0]; k++) {
        if (speeds[k].baud == baud) {
            return speeds[k].speed;
        }
    }
    return B0;
}

static bool configure(uint32_t baud)
{
    struct termios raw;
    const speed_t speed = speed_of(baud);
    if (speed == B0 || tcgetattr(device, &raw) != 0) {
        return false;
    }
    cfmakeraw(&raw); /* eight bits, no parity */
    raw.c_cflag &= (tcflag_t) ~(tcflag_t)CSTOPB;
    raw.c_cflag |= (tcflag_t)(CLOCAL | CREAD);
    return cfsetispeed(&raw, speed) == 0 && cfsetospeed(&raw, speed) == 0 && tcsetattr(device, TCSANOW, &raw) == 0;
}

const wp_serial *port_meter_line(uint32_t baud)
{
    static const wp_serial line = {.read = read_line, .write = write_line};
    const char *path = getenv("WATTPRINT_METER");
    if (path == NULL || path[0] == '\0') {
        return NULL;
    }
    device = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (device < 0 || !configure(baud)) {
        (void)fprintf(stderr, "WATTPRINT_METER=%s is no serial device that opens with %u baud\n", path,
                      (unsigned)baud);
        return NULL;
    }
    return &line;
}
