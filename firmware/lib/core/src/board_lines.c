#include "board_private.h"

/* Every line built below fits: the longest is a prediction, 60 bytes with all of its fields at their widest. */
static void send_line(const wp_board *board, wp_line_writer *line)
{
    const size_t n = wp_line_end(line);
    board->port->write(board->port->context, line->bytes, n);
}

void wp_send_number(const wp_board *board, uint8_t type, uint32_t value)
{
    wp_line_writer line;
    wp_line_begin(&line, type);
    wp_line_field(&line, value);
    send_line(board, &line);
}

static uint32_t big_endian(const uint8_t bytes[4])
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
}

void wp_send_hello(const wp_board *board)
{
    const wp_model *model = board->charge.model;
    wp_line_writer line;
    wp_line_begin(&line, 'H');
    wp_line_field_fixed(&line, big_endian(model->hash), 8);
    wp_line_field_fixed(&line, big_endian(model->hash + 4), 8);
    wp_line_field(&line, WP_PROTOCOL_VERSION);
    wp_line_field(&line, WP_FIRMWARE_VERSION);
    wp_line_field(&line, (int64_t)board->port->boot);
    wp_line_field(&line, model->n_devices);
    send_line(board, &line);
}

void wp_send_counter(const wp_board *board, uint8_t counter, uint32_t value)
{
    wp_line_writer line;
    wp_line_begin(&line, 'T');
    wp_line_field(&line, counter);
    wp_line_field(&line, value);
    send_line(board, &line);
}

void wp_send_event(const wp_board *board, wp_event event, uint32_t detail)
{
    wp_line_writer line;
    wp_line_begin(&line, 'E');
    wp_line_field(&line, (int64_t)event);
    wp_line_field(&line, detail);
    send_line(board, &line);
}

void wp_send_live_sample(const wp_board *board, uint32_t sequence, const wp_sample *sample)
{
    wp_line_writer line;
    wp_line_begin(&line, 'L');
    wp_line_field(&line, sequence);
    wp_line_field(&line, sample->t_ms);
    wp_line_field(&line, sample->voltage_mv);
    wp_line_field(&line, sample->current_ma);
    send_line(board, &line);
}

void wp_send_prediction(const wp_board *board, uint32_t sequence, const wp_answer *answer)
{
    wp_line_writer line;
    wp_line_begin(&line, 'P');
    wp_line_field(&line, sequence);
    wp_line_field(&line, answer->device);
    wp_line_field(&line, answer->confidence_permille);
    for (size_t i = 0; i < WP_N_QUANTILES; i++) {
        wp_line_field(&line, answer->remaining_s[i]);
    }
    wp_line_field(&line, answer->flags);
    wp_line_field_fixed(&line, answer->state_crc, 8);
    send_line(board, &line);
}

void wp_send_setting(const wp_board *board, uint8_t number)
{
    const wp_port *port = board->port;
    wp_setting setting;
    wp_line_writer line;
    port->get_setting(port->context, number, &setting);
    wp_line_begin(&line, 'V');
    wp_line_field(&line, number);
    wp_line_field(&line, setting.value);
    wp_line_field(&line, setting.lowest);
    wp_line_field(&line, setting.highest);
    wp_line_field(&line, port->n_settings);
    send_line(board, &line);
}

void wp_refuse(wp_board *board, uint32_t sequence, wp_refusal reason)
{
    wp_line_writer line;
    board->n_refused++;
    wp_line_begin(&line, 'N');
    wp_line_field(&line, sequence);
    wp_line_field(&line, (int64_t)reason);
    wp_line_field(&line, board->next_sequence);
    send_line(board, &line);
}
