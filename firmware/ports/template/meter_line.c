/* YOURS: a second serial port, where there is one; docs/boards.md has the wires. Reading takes what has come, and never
 * waits; sending switches the transceiver's direction. */
#include "port_meter.h"

const wp_serial *port_meter_line(uint32_t baud)
{
    (void)baud;
    return NULL;
}

/* YOURS: what the pilot says, where the charge point's control hangs on this board, and how it is told what to do. */
port_vehicle port_vehicle_now(void)
{
    return PORT_VEHICLE_NOT_KNOWN;
}

void port_vehicle_enable(bool on, int32_t limit_ma)
{
    (void)on;
    (void)limit_ma;
}
