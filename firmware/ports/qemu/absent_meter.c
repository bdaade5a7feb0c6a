/* No machine of QEMU's has a line for a meter, nor a charger to control. */
#include "port_meter.h"

#ifndef PORT_METER_SIMULATED /* ports/qemu_meter */

const wp_serial *port_meter_line(uint32_t baud)
{
    (void)baud;
    return NULL;
}

port_vehicle port_vehicle_now(void)
{
    return PORT_VEHICLE_NOT_KNOWN;
}

void port_vehicle_enable(bool on, int32_t limit_ma)
{
    (void)on;
    (void)limit_ma;
}

#endif
