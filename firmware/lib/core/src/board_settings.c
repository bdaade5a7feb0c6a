/* Settings on the wire: the port keeps them, this asks and tells. */
#include "board_private.h"

static void send_all(const wp_board *board)
{
    if (board->port->n_settings == 0) {
        wp_send_number(board, 'X', WP_LINE_ERROR_SETTING);
    }
    for (uint8_t number = 0; number < board->port->n_settings; number++) {
        wp_send_setting(board, number);
    }
}

/* Whether the sensor has been set otherwise, by the setting of that number. */
static bool is_of_sensor(const wp_port *port, uint8_t number)
{
#if WP_METER
    return number < port->n_meter_settings;
#else
    (void)port;
    (void)number;
    return true;
#endif
}

/* What was measured before belongs to another sensor, or to another scale. */
static void follow_sensor(wp_board *board)
{
    if (board->mode != WP_MODE_LIVE) {
        return;
    }
    if (board->port->sensor == WP_SENSOR_PRESENT) {
        wp_begin_live_again(board);
    } else {
        wp_end_live(board);
        wp_send_number(board, 'M', (uint32_t)board->mode);
    }
}

static void set(wp_board *board, uint8_t number, int64_t value)
{
    const wp_port *port = board->port;
    wp_setting before;
    port->get_setting(port->context, number, &before);
    if (value < before.lowest || value > before.highest) {
        wp_send_number(board, 'X', WP_LINE_ERROR_VALUE);
    } else if (value == before.value) {
        wp_send_setting(board, number); /* nothing to wear the flash for */
    } else if (port->set_setting(port->context, number, (int32_t)value)) {
        wp_send_setting(board, number);
        if (is_of_sensor(port, number)) {
            follow_sensor(board);
        }
    } else {
        wp_send_number(board, 'X', WP_LINE_ERROR_FLASH);
    }
}

bool wp_take_list_settings(const wp_board *board, const wp_message *message)
{
    if (message->n_fields != 0) {
        return false;
    }
    send_all(board);
    return true;
}

bool wp_take_set_setting(wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    if (message->n_fields != 2 || field[0] < 0 || field[1] < INT32_MIN || field[1] > INT32_MAX) {
        return false;
    }
    if (field[0] >= board->port->n_settings) {
        wp_send_number(board, 'X', WP_LINE_ERROR_SETTING);
    } else {
        set(board, (uint8_t)field[0], field[1]);
    }
    return true;
}
