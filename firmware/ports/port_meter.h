/* port_meter.h: what a board supplies besides port.h where an energy meter hangs on it: a serial line of its own.
 *
 * Only programs for charge points ask for it; from others the linker leaves it out. Every port has the function; one
 * without a line for a meter returns NULL.
 */
#ifndef PORT_METER_H
#define PORT_METER_H

#include "wp/serial.h"

/* Sets the meter's line up: 8 data bits, no parity, 1 stop bit. Called once, after port_init.
 *
 *   baud  of the meter: WP_SDM_BAUD as it comes
 *
 * Returns the line, or NULL on a board without one. */
const wp_serial *port_meter_line(uint32_t baud);

#endif
