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

#include "meter_player.h"
#include "port.h"

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

#if WP_PROFILE_EV

/* A request is when the meter looks at what flows; its reply takes its time. */
static void write_played(void *context, const uint8_t *bytes, size_t n)
{
    uint64_t now_us = 0;
    native_meter_player *player = port_played_meter(&now_us);
    const wp_serial line = meter_simulator_line(&player->meter);
    (void)context;
    meter_player_advance(player, now_us);
    line.write(line.context, bytes, n);
}

static size_t read_played(void *context, uint8_t *bytes, size_t size)
{
    uint64_t now_us = 0;
    native_meter_player *player = port_played_meter(&now_us);
    const wp_serial line = meter_simulator_line(&player->meter);
    (void)context;
    player->meter.now_us = (uint32_t)now_us;
    return line.read(line.context, bytes, size);
}

static const wp_serial *played_line(uint32_t baud)
{
    static const wp_serial line = {.read = read_played, .write = write_played};
    uint64_t now_us = 0;
    native_meter_player *player = port_played_meter(&now_us);
    if (player == NULL) {
        return NULL;
    }
    /* Another rate than its own 9600 reaches nobody. */
    player->deaf = baud != player->meter.baud;
    return &line;
}

port_vehicle port_vehicle_now(void)
{
    uint64_t now_us = 0;
    const native_meter_player *player = port_played_meter(&now_us);
    return player != NULL ? meter_player_vehicle(player) : PORT_VEHICLE_NOT_KNOWN;
}

#else

static const wp_serial *played_line(uint32_t baud)
{
    (void)baud;
    return NULL;
}

port_vehicle port_vehicle_now(void)
{
    return PORT_VEHICLE_NOT_KNOWN;
}

#endif

/* There is no charger to tell: a log line says what it would be told. */
void port_vehicle_enable(bool on, int32_t limit_ma)
{
    char text[64];
    const int n = snprintf(text, sizeof text, "charger: %s, at most %ld mA\n", on ? "on" : "off", (long)limit_ma);
    port_write((const uint8_t *)text, n > 0 ? (size_t)n : 0);
}

const wp_serial *port_meter_line(uint32_t baud)
{
    static const wp_serial line = {.read = read_line, .write = write_line};
    const wp_serial *played = played_line(baud);
    if (played != NULL) {
        return played;
    }
    if (device >= 0) {
        (void)close(device);
        device = -1;
    }
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
