/* port.h: all that firmware/src/main.c asks of a board. One folder beside this file implements it; which one, the
 * PlatformIO environment says (custom_port). A port moves bytes and reads a clock; it knows nothing of lines or models.
 */
#ifndef PORT_H
#define PORT_H

#include "wp/board.h"

/* Sets the board up and fills in *port: write, clock and the reason of this start.
 *
 *   argc, argv  the command line where there is one, else 0 and NULL
 *
 * Returns 0, or the exit code of a program that cannot serve a line; it has said why. */
int port_init(wp_port *port, int argc, char *argv[]);

/* Waits for the host, without spinning.
 *
 *   bytes   [size], what has arrived
 *
 * Returns the number of bytes, at least 1; 0 when the line has ended for good. */
size_t port_receive(uint8_t *bytes, size_t size);

#endif
