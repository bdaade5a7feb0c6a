#include "wp/port.h"

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
    return (port->measure != NULL) == (port->sensor == WP_SENSOR_PRESENT) ? WP_OK : WP_ERROR_PORT;
}
