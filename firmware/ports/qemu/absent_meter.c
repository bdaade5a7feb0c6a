/* No machine of QEMU's has a line for a meter. */
#include "port_meter.h"

const wp_serial *port_meter_line(uint32_t baud)
{
    (void)baud;
    return NULL;
}
