/* YOURS: a second serial port, where there is one; docs/boards.md has the wires. Reading takes what has come, and never
 * waits; sending switches the transceiver's direction. */
#include "port_meter.h"

const wp_serial *port_meter_line(uint32_t baud)
{
    (void)baud;
    return NULL;
}
