/* The board as a program: POSIX only (Linux, macOS).
 *
 *     program          the line is stdin and stdout; ends when stdin does
 *     program --pty    the line is a pseudo-terminal, whose path is the first line on stdout; ends when stdin does,
 *                      so that a parent that dies leaves no board behind
 *
 * Exit codes: 0 the line ended, 2 usage, 3 no pseudo-terminal or a line that cannot be written.
 */
#define _XOPEN_SOURCE 700 /* posix_openpt and its kin; without it -std=c11 hides them */

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_DEVICE = 3 };

typedef struct native_line {
    int in;
    int out;
    int watch; /* the line ends with this descriptor; -1 when `in` itself is watched */
} native_line;

static native_line line = {STDIN_FILENO, STDOUT_FILENO, -1};

/* Reads and drops what the parent says. False at the end of its pipe. */
static bool parent_is_there(int descriptor)
{
    char dropped[64];
    const ssize_t n = read(descriptor, dropped, sizeof dropped);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Waits until the line can be read, or written. False when it has ended. select, because macOS cannot poll() a
 * terminal. Descriptors are the first few of the process, far below FD_SETSIZE. */
static bool wait_for(int descriptor, bool to_write)
{
    for (;;) { /* one turn an event; sleeps in between */
        fd_set readable;
        fd_set writable;
        FD_ZERO(&readable);
        FD_ZERO(&writable);
        FD_SET(descriptor, to_write ? &writable : &readable);
        if (line.watch >= 0) {
            FD_SET(line.watch, &readable);
        }
        const int highest = descriptor > line.watch ? descriptor : line.watch;
        if (select(highest + 1, &readable, &writable, NULL, NULL) < 0) {
            if (errno == EINTR) {
                continue;
            }
            return false;
        }
        if (line.watch >= 0 && FD_ISSET(line.watch, &readable) && !parent_is_there(line.watch)) {
            return false;
        }
        if (FD_ISSET(descriptor, to_write ? &writable : &readable)) {
            return true;
        }
    }
}

static void native_write(void *context, const uint8_t *bytes, size_t n)
{
    const native_line *to = context;
    size_t sent = 0;
    while (sent < n) { /* each turn sends at least a byte, or ends the program */
        if (!wait_for(to->out, true)) {
            exit(EXIT_SUCCESS);
        }
        const ssize_t more = write(to->out, bytes + sent, n - sent);
        if (more > 0) {
            sent += (size_t)more;
        } else if (more < 0 && errno != EINTR && errno != EAGAIN) {
            exit(EXIT_DEVICE);
        }
    }
}

static uint32_t native_clock_us(void *context)
{
    struct timespec now;
    (void)context;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u);
}

/* Bytes pass unchanged: no echo, no lines, no signals, no translation. What cfmakeraw does, in POSIX's words. */
static bool make_raw(int descriptor)
{
    struct termios settings;
    if (tcgetattr(descriptor, &settings) != 0) {
        return false;
    }
    settings.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    settings.c_oflag &= ~(tcflag_t)OPOST;
    settings.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    settings.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    settings.c_cflag |= CS8;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return tcsetattr(descriptor, TCSANOW, &settings) == 0;
}

/* Opens the pseudo-terminal and says where. The board keeps the host's end open too: without that, a host that closes
 * its end would hang the line up, and the settings would be lost for the next one. */
static bool open_pty(void)
{
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0) {
        return false;
    }
    const char *path = ptsname(master);
    const int slave = path == NULL ? -1 : open(path, O_RDWR | O_NOCTTY);
    if (slave < 0 || !make_raw(slave) || fcntl(master, F_SETFL, O_NONBLOCK) != 0) {
        return false;
    }
    line = (native_line){master, master, STDIN_FILENO};
    return puts(path) >= 0 && fflush(stdout) == 0;
}

int port_init(wp_port *port, int argc, char *argv[])
{
    *port = (wp_port){.context = &line, .write = native_write, .clock_us = native_clock_us, .boot = WP_BOOT_POWER};
    if (argc <= 1) {
        return 0;
    }
    if (argc > 2 || strcmp(argv[1], "--pty") != 0) {
        (void)fprintf(stderr, "usage: %s [--pty]\n", argv[0]);
        return EXIT_USAGE;
    }
    if (!open_pty()) {
        (void)fprintf(stderr, "%s: no pseudo-terminal: %s\n", argv[0], strerror(errno));
        return EXIT_DEVICE;
    }
    return 0;
}

size_t port_receive(uint8_t *bytes, size_t size)
{
    for (;;) { /* one turn an event; sleeps in between */
        if (!wait_for(line.in, false)) {
            return 0;
        }
        const ssize_t n = read(line.in, bytes, size);
        if (n >= 0) {
            return (size_t)n;
        }
        if (errno != EINTR && errno != EAGAIN) {
            return 0;
        }
    }
}
