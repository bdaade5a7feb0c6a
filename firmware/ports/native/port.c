/* The board as a program: POSIX only (Linux, macOS). Its line is stdin and stdout, or a pseudo-terminal; its sensor, if
 * it is to have one, plays recordings. See usage below.
 *
 * Exit codes: 0 the line ended, 2 usage or a bad recording, 3 no pseudo-terminal or a line that cannot be written.
 */
#include "port.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus.h"
#include "line.h"
#include "meter_player.h"
#include "pace.h"
#include "player.h"
#include "settings_file.h"

enum { EXIT_USAGE = 2, EXIT_DEVICE = 3 };

#define SPEED_MAX 100000.0

/* What plays recordings: a sensor, or at a charge point a meter. */
#if WP_PROFILE_EV
typedef native_meter_player native_played;
#define played_open meter_player_open
#define played_add_fault meter_player_add_fault
#define played_is_done meter_player_is_done
#else
typedef native_player native_played;
#define played_open player_open
#define played_add_fault player_add_fault
#define played_is_done player_is_done
#endif

static const char usage[] =
    "usage: %s [--pty] [--settings FILE] [--sensor FILE.csv ... [--bus ina219|ina226] [--speed N]\n"
    "          [--fault KIND@SECONDS[+SECONDS]] ...]\n"
    "  --pty     the line is a pseudo-terminal, whose path is the first line on stdout; ends when stdin does.\n"
    "            Without it the line is stdin and stdout\n"
    "  --settings  keeps the settings in this file; without it they are lost at the end\n"
    "  --sensor  has a sensor, which measures these charges one after the other, and starts in live mode\n"
    "  --bus     the sensor is a simulated chip on an I2C bus, address 0x40, 10 mohm: the settings have to name it\n"
    "  --speed   so many times real time (0.001 to 100000, default 1); 0: as fast as the line takes it, beginning\n"
    "            with the first byte from the host\n"
    "  --fault   a fault of the sensor in each charge: no-answer, saturated, frozen or range; with --bus what makes it,\n"
    "            a stuck bus, a current beyond its range, a chip that converts no more, a current that flows back\n"
    "  A charge point's board has a simulated meter in a sensor's place, without --bus; its faults are no-answer, damaged,\n"
    "  refused, frozen and range. Without --sensor the environment variable WATTPRINT_METER may name a real one's line\n";

typedef struct native_board {
    native_line line;
    native_pace pace;
    native_played player;
    native_bus bus;
    settings_file settings;
    uint32_t parts;
    bool heard; /* a byte from the host */
} native_board;

typedef struct options {
    bool pty;
    const char *settings;
    const char *chip; /* on a bus; NULL: none */
    char **files; /* [n_files] */
    size_t n_files;
    double speed;
    bool about_sensor; /* an option that says how it measures */
} options;

static native_board native;

void port_write(const uint8_t *bytes, size_t n)
{
    line_write(&native.line, bytes, n);
}

uint32_t port_clock_us(void)
{
    return (uint32_t)native.pace.board_us;
}

const uint32_t port_ticks_per_s = 1000000000u;

uint32_t port_ticks(void)
{
    return (uint32_t)pace_real_ns();
}

/* The operating system's stack has no painted end. */
uint32_t port_stack_bytes(void)
{
    return WP_NOT_KNOWN;
}

uint32_t port_parts(void)
{
    return native.parts;
}

wp_boot port_boot(void)
{
    return WP_BOOT_POWER;
}

void port_watchdog_kick(void)
{
}

#if WP_PROFILE_EV

void port_measure(wp_reading *reading)
{
    *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
}

wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)address;
    (void)out;
    (void)n_out;
    for (size_t i = 0; i < n_in; i++) {
        in[i] = 0;
    }
    return WP_I2C_BUS_ERROR;
}

native_meter_player *port_played_meter(uint64_t *now_us)
{
    *now_us = native.pace.board_us;
    return (native.parts & PORT_SENSOR) != 0 ? &native.player : NULL;
}

#else

void port_measure(wp_reading *reading)
{
    if ((native.parts & PORT_SENSOR) != 0) {
        player_measure(&native.player, native.pace.board_us, reading);
    } else {
        *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
    }
}

wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    if ((native.parts & PORT_I2C) == 0) {
        return WP_I2C_BUS_ERROR;
    }
    return bus_transfer(&native.bus, &native.player, native.pace.board_us, address, out, n_out, in, n_in);
}

#endif

bool port_flash_read(uint8_t page, uint8_t *bytes, size_t n)
{
    return settings_file_read(&native.settings, page, bytes, n);
}

bool port_flash_erase(uint8_t page)
{
    return settings_file_erase(&native.settings, page);
}

bool port_flash_write(uint8_t page, const uint8_t *bytes, size_t n)
{
    return settings_file_write(&native.settings, page, bytes, n);
}

/* Takes one option, of argv[*at], and its values. False for anything else. */
static bool take_option(options *chosen, int argc, char *argv[], int *at)
{
    const char *name = argv[*at];
    if (strcmp(name, "--pty") == 0) {
        chosen->pty = true;
        return true;
    }
    if (*at + 1 >= argc) {
        return false;
    }
    (*at)++;
    if (strcmp(name, "--settings") == 0) {
        chosen->settings = argv[*at];
        return true;
    }
    if (strcmp(name, "--sensor") == 0) {
        chosen->files = argv + *at;
        chosen->n_files = 1;
        while (*at + 1 < argc && strncmp(argv[*at + 1], "--", 2) != 0) {
            (*at)++;
            chosen->n_files++;
        }
        return true;
    }
    chosen->about_sensor = true;
    if (strcmp(name, "--bus") == 0) {
        chosen->chip = argv[*at];
        return WP_PROFILE_EV == 0 && bus_init(&native.bus, chosen->chip);
    }
    if (strcmp(name, "--speed") == 0) {
        char *end = NULL;
        chosen->speed = strtod(argv[*at], &end);
        return end != argv[*at] && *end == '\0' &&
               (chosen->speed == 0 || (chosen->speed >= 0.001 && chosen->speed <= SPEED_MAX));
    }
    return strcmp(name, "--fault") == 0 && played_add_fault(&native.player, argv[*at]);
}

static bool take_options(options *chosen, int argc, char *argv[])
{
    for (int at = 1; at < argc; at++) {
        if (!take_option(chosen, argc, argv, &at)) {
            return false;
        }
    }
    return chosen->n_files > 0 || !chosen->about_sensor;
}

static uint32_t parts_of(const options *chosen)
{
    if (chosen->n_files == 0) {
        return PORT_FLASH;
    }
    return PORT_FLASH | (chosen->chip != NULL ? PORT_I2C : PORT_SENSOR);
}

int port_init(int argc, char *argv[])
{
    options chosen = {.speed = 1};
    if (!take_options(&chosen, argc, argv)) {
        (void)fprintf(stderr, usage, argv[0]);
        return EXIT_USAGE;
    }
    if (chosen.n_files > 0 && !played_open(&native.player, chosen.files, chosen.n_files)) {
        return EXIT_USAGE;
    }
    if (!settings_file_open(&native.settings, chosen.settings)) {
        (void)fprintf(stderr, "%s: %s: not a settings file: %s\n", argv[0], chosen.settings,
                      errno != 0 ? strerror(errno) : "another length");
        return EXIT_USAGE;
    }
    native.parts = parts_of(&chosen);
    native.line = line_on_stdio();
    if (chosen.pty && !line_on_pty(&native.line)) {
        (void)fprintf(stderr, "%s: no pseudo-terminal: %s\n", argv[0], strerror(errno));
        return EXIT_DEVICE;
    }
    pace_begin(&native.pace, (uint64_t)(chosen.speed * PACE_PER_REAL + 0.5));
    return 0;
}

/* How long to wait in real time. At full speed nothing happens before somebody listens, and an idle board takes its
 * time. */
static uint64_t real_wait_us(native_board *board, uint32_t wait_us)
{
    if (board->pace.speed == 0 && played_is_done(&board->player, board->pace.board_us)) {
        pace_begin(&board->pace, PACE_PER_REAL);
    }
    if (wait_us == WP_WAIT_FOR_EVER || (board->pace.speed == 0 && !board->heard)) {
        return LINE_NO_LIMIT;
    }
    return pace_real_wait_us(&board->pace, wait_us);
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    const uint64_t limit_us = real_wait_us(&native, wait_us);
    line_event event = line_wait(&native.line, limit_us);
    *n = 0;
    if (event == LINE_READY) {
        event = line_read(&native.line, bytes, size, n);
        native.heard = native.heard || *n > 0;
        pace_interrupted(&native.pace, wait_us);
    } else if (event == LINE_SILENT && limit_us != LINE_NO_LIMIT) {
        pace_waited(&native.pace, wait_us);
    }
    return event != LINE_ENDED;
}
