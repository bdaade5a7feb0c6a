/* port.h: what firmware/src/main.c asks of a board beside wp/port.h. One folder beside this file implements both; which
 * one, the PlatformIO environment says (custom_port). A port moves bytes, reads clocks and a sensor; it knows nothing of
 * lines or models.
 */
#ifndef PORT_H
#define PORT_H

#include "wp/board.h"

/* Sets the board up and fills in all of *port.
 *
 *   argc, argv  the command line where there is one, else 0 and NULL
 *
 * Returns 0, or the exit code of a program that cannot serve a line; it has said why. */
int port_init(wp_port *port, int argc, char *argv[]);

/* Waits for the host without spinning, but no longer than wait_us by the port's clock.
 *
 *   wait_us  0: takes what is there; WP_WAIT_FOR_EVER: no limit. Early is no error
 *   bytes    [size], what has arrived
 *   n        how many of them; 0 when the time was over
 *
 * Returns false when the line has ended for good. */
bool port_wait(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n);

#endif
