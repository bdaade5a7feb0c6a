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

#include "line.h"
#include "pace.h"
#include "player.h"

enum { EXIT_USAGE = 2, EXIT_DEVICE = 3 };

#define SPEED_MAX 100000.0

static const char usage[] =
    "usage: %s [--pty] [--sensor FILE.csv ... [--speed N] [--fault KIND@SECONDS[+SECONDS]] ...]\n"
    "  --pty     the line is a pseudo-terminal, whose path is the first line on stdout; ends when stdin does.\n"
    "            Without it the line is stdin and stdout\n"
    "  --sensor  has a sensor, which measures these charges one after the other, and starts in live mode\n"
    "  --speed   so many times real time (0.001 to 100000, default 1); 0: as fast as the line takes it, beginning\n"
    "            with the first byte from the host\n"
    "  --fault   a fault of the sensor in each charge: no-answer, saturated, frozen or range\n";

typedef struct native_board {
    native_line line;
    native_pace pace;
    native_player player;
    bool heard; /* a byte from the host */
} native_board;

typedef struct options {
    bool pty;
    char **files; /* [n_files] */
    size_t n_files;
    double speed;
    bool about_sensor; /* an option that says how it measures */
} options;

static native_board native;

static void native_write(void *context, const uint8_t *bytes, size_t n)
{
    const native_board *board = context;
    line_write(&board->line, bytes, n);
}

static uint32_t native_clock_us(void *context)
{
    const native_board *board = context;
    return (uint32_t)board->pace.board_us;
}

static uint32_t native_ticks(void *context)
{
    (void)context;
    return (uint32_t)pace_real_ns();
}

static void native_measure(void *context, wp_reading *reading)
{
    native_board *board = context;
    player_measure(&board->player, board->pace.board_us, reading);
}

/* The operating system's stack has no painted end. */
static uint32_t native_stack_bytes(void *context)
{
    (void)context;
    return WP_NOT_KNOWN;
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
    if (strcmp(name, "--speed") == 0) {
        char *end = NULL;
        chosen->speed = strtod(argv[*at], &end);
        return end != argv[*at] && *end == '\0' &&
               (chosen->speed == 0 || (chosen->speed >= 0.001 && chosen->speed <= SPEED_MAX));
    }
    return strcmp(name, "--fault") == 0 && player_add_fault(&native.player, argv[*at]);
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

int port_init(wp_port *port, int argc, char *argv[])
{
    options chosen = {.speed = 1};
    if (!take_options(&chosen, argc, argv)) {
        (void)fprintf(stderr, usage, argv[0]);
        return EXIT_USAGE;
    }
    const bool sensor = chosen.n_files > 0;
    if (sensor && !player_open(&native.player, chosen.files, chosen.n_files)) {
        return EXIT_USAGE;
    }
    native.line = line_on_stdio();
    if (chosen.pty && !line_on_pty(&native.line)) {
        (void)fprintf(stderr, "%s: no pseudo-terminal: %s\n", argv[0], strerror(errno));
        return EXIT_DEVICE;
    }
    pace_begin(&native.pace, (uint64_t)(chosen.speed * PACE_PER_REAL + 0.5));
    *port = (wp_port){.context = &native,
                      .write = native_write,
                      .clock_us = native_clock_us,
                      .ticks = native_ticks,
                      .ticks_per_s = 1000000000u,
                      .measure = sensor ? native_measure : NULL,
                      .sensor = sensor ? WP_SENSOR_PRESENT : WP_SENSOR_ABSENT,
                      .stack_bytes = native_stack_bytes,
                      .boot = WP_BOOT_POWER};
    return 0;
}

/* How long to wait in real time. At full speed nothing happens before somebody listens, and an idle board takes its
 * time. */
static uint64_t real_wait_us(native_board *board, uint32_t wait_us)
{
    if (board->pace.speed == 0 && player_is_done(&board->player, board->pace.board_us)) {
        pace_begin(&board->pace, PACE_PER_REAL);
    }
    if (wait_us == WP_WAIT_FOR_EVER || (board->pace.speed == 0 && !board->heard)) {
        return LINE_NO_LIMIT;
    }
    return pace_real_wait_us(&board->pace, wait_us);
}

bool port_wait(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
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
