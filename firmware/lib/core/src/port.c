#include "wp/port.h"

#if WP_METER
static bool can_measure(const wp_port *port)
{
    return port->start != NULL && port->begin != NULL && port->poll != NULL && port->period_ms > 0;
}
#else
static bool can_measure(const wp_port *port)
{
    return port->measure != NULL;
}
#endif

wp_status wp_port_check(const wp_port *port)
{
    if (port == NULL || port->write == NULL || port->clock_us == NULL || port->ticks == NULL ||
        port->stack_bytes == NULL) {
        return WP_ERROR_PORT;
    }
    if (port->sensor != WP_SENSOR_ABSENT && port->sensor != WP_SENSOR_PRESENT) {
        return WP_ERROR_PORT;
    }
    if ((port->get_setting != NULL) != (port->n_settings > 0) || (port->set_setting != NULL) != (port->n_settings > 0)) {
        return WP_ERROR_PORT;
    }
    return can_measure(port) == (port->sensor == WP_SENSOR_PRESENT) ? WP_OK : WP_ERROR_PORT;
}
