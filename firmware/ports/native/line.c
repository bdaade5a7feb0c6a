#define _XOPEN_SOURCE 700 /* posix_openpt and its kin; without it -std=c11 hides them */

#include "line.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <termios.h>
#include <unistd.h>

enum { EXIT_DEVICE = 3 };

/* Reads and drops what the parent says. False at the end of its pipe. */
static bool parent_is_there(int descriptor)
{
    char dropped[64];
    const ssize_t n = read(descriptor, dropped, sizeof dropped);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* Waits until a descriptor can be read, or written. select, because macOS cannot poll() a terminal. Descriptors are the
 * first few of the process, far below FD_SETSIZE. Interrupted, or disturbed by its parent, it returns early. */
static line_event wait_for(const native_line *line, int descriptor, bool to_write, uint64_t limit_us)
{
    fd_set readable;
    fd_set writable;
    struct timeval limit = {.tv_sec = (time_t)(limit_us / 1000000u), .tv_usec = (suseconds_t)(limit_us % 1000000u)};
    FD_ZERO(&readable);
    FD_ZERO(&writable);
    FD_SET(descriptor, to_write ? &writable : &readable);
    if (line->watch >= 0) {
        FD_SET(line->watch, &readable);
    }
    const int highest = descriptor > line->watch ? descriptor : line->watch;
    if (select(highest + 1, &readable, &writable, NULL, limit_us == LINE_NO_LIMIT ? NULL : &limit) < 0) {
        return errno == EINTR ? LINE_SILENT : LINE_ENDED;
    }
    if (line->watch >= 0 && FD_ISSET(line->watch, &readable) && !parent_is_there(line->watch)) {
        return LINE_ENDED;
    }
    return FD_ISSET(descriptor, to_write ? &writable : &readable) ? LINE_READY : LINE_SILENT;
}

line_event line_wait(const native_line *line, uint64_t limit_us)
{
    return wait_for(line, line->in, false, limit_us);
}

line_event line_read(const native_line *line, uint8_t *bytes, size_t size, size_t *n)
{
    const ssize_t got = read(line->in, bytes, size);
    *n = got > 0 ? (size_t)got : 0;
    if (got > 0) {
        return LINE_READY;
    }
    return got < 0 && (errno == EINTR || errno == EAGAIN) ? LINE_SILENT : LINE_ENDED;
}

void line_write(const native_line *line, const uint8_t *bytes, size_t n)
{
    size_t sent = 0;
    while (sent < n) { /* one turn an event; sleeps in between */
        const line_event event = wait_for(line, line->out, true, LINE_NO_LIMIT);
        if (event == LINE_ENDED) {
            exit(EXIT_SUCCESS);
        }
        if (event == LINE_SILENT) {
            continue;
        }
        const ssize_t more = write(line->out, bytes + sent, n - sent);
        if (more > 0) {
            sent += (size_t)more;
        } else if (more < 0 && errno != EINTR && errno != EAGAIN) {
            exit(EXIT_DEVICE);
        }
    }
}

native_line line_on_stdio(void)
{
    return (native_line){STDIN_FILENO, STDOUT_FILENO, -1};
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

/* The board keeps the host's end open too: without that, a host that closes its end would hang the line up, and the
 * settings would be lost for the next one. */
bool line_on_pty(native_line *line)
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
    *line = (native_line){master, master, STDIN_FILENO};
    return puts(path) >= 0 && fflush(stdout) == 0;
}
