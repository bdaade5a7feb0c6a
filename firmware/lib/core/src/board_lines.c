#include "board_private.h"

/* Every line built below fits: the longest is a prediction, 60 bytes with all of its fields at their widest; at a charge
 * point its first line with 62. */
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
    const wp_board_model *model = board->charge.model;
    wp_line_writer line;
    wp_line_begin(&line, 'H');
    wp_line_field_fixed(&line, big_endian(model->hash), 8);
    wp_line_field_fixed(&line, big_endian(model->hash + 4), 8);
    wp_line_field(&line, WP_PROTOCOL_FIELD);
    wp_line_field(&line, WP_FIRMWARE_VERSION);
    wp_line_field(&line, (int64_t)board->port->boot);
    wp_line_field(&line, n_devices_of(model));
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

#if WP_PROFILE_EV

/* The four phases there are at a charger's output, for a host that knows no others. */
static uint32_t phase_of(const wp_household_answer *answer)
{
    switch (answer->phase) {
    case WP_HOUSEHOLD_WAITING:
        return 0;
    case WP_HOUSEHOLD_TAPER:
        return 2;
    case WP_HOUSEHOLD_DONE:
        return 3;
    default:
        return 1;
    }
}

static void send_household(const wp_board *board, uint32_t sequence, const wp_household_answer *answer)
{
    const uint32_t state = (uint32_t)answer->flags | (uint32_t)answer->phase << 5 | (uint32_t)answer->stage << 8 |
                           (uint32_t)answer->active_phases << 12;
    wp_line_writer line;
    wp_line_begin(&line, 'Q');
    wp_line_field(&line, sequence);
    wp_line_field(&line, answer->possible);
    wp_line_field(&line, state);
    wp_line_field(&line, answer->power_class_w);
    for (size_t i = 0; i < 3; i++) {
        wp_line_field(&line, answer->target_s[i]);
    }
    wp_line_field(&line, answer->energy_to_go_wh);
    send_line(board, &line);
}

void wp_send_prediction(const wp_board *board, uint32_t sequence, const wp_vehicle_answer *answer)
{
    const wp_household_answer *told = &answer->household;
    const uint32_t unknown = (told->flags & WP_HOUSEHOLD_UNKNOWN) != 0 ? 1u : 0u;
    wp_line_writer line;
    send_household(board, sequence, told);
    wp_line_begin(&line, 'P');
    wp_line_field(&line, sequence);
    wp_line_field(&line, told->car);
    wp_line_field(&line, told->confidence_permille);
    for (size_t i = 0; i < 3; i++) {
        wp_line_field(&line, told->done_s[i]);
    }
    wp_line_field(&line, unknown | phase_of(told) << 1);
    wp_line_field_fixed(&line, answer->state_crc, 8);
    send_line(board, &line);
}

#if WP_METER
/* In two lines, as a host sends one, with the power factor at the end. */
void wp_send_live_sample(const wp_board *board, uint32_t sequence, const wp_vehicle_measurement *measured)
{
    const wp_vehicle_sample *sample = &measured->sample;
    wp_line_writer line;
    wp_line_begin(&line, WP_PHASES_LINE);
    wp_line_field(&line, sequence);
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        wp_line_field(&line, sample->voltage_mv[k]);
        wp_line_field(&line, sample->current_ma[k]);
    }
    send_line(board, &line);
    wp_line_begin(&line, WP_SAMPLE_LINE);
    wp_line_field(&line, sequence);
    wp_line_field(&line, sample->t_ms);
    wp_line_field(&line, sample->pilot_da);
    wp_line_field(&line, sample->energy_wh);
    wp_line_field(&line, sample->soc_pct);
    wp_line_field(&line, measured->power_factor_permille != WP_MISSING ? measured->power_factor_permille
                                                                       : WP_POWER_FACTOR_NOT_MEASURED);
    send_line(board, &line);
}

#endif

#if WP_ADVICE
void wp_send_advice(const wp_board *board, uint32_t sequence, const wp_advice *advice)
{
    const int64_t flags = (advice->stop ? 1 : 0) | (advice->late ? 2 : 0) | (advice->on ? 4 : 0);
    wp_line_writer line;
    wp_line_begin(&line, WP_ADVICE_LINE);
    wp_line_field(&line, sequence);
    wp_line_field(&line, flags);
    wp_line_field(&line, advice->start_in_s);
    wp_line_field(&line, advice->limit_ma);
    for (size_t j = 0; j < 3; j++) {
        wp_line_field(&line, advice->ready_in_s[j]);
    }
    wp_line_field(&line, advice->on_limit_ma);
    send_line(board, &line);
}
#endif

bool wp_take_goal(wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    if (message->n_fields != 2 || field[0] < 0 || field[0] > 100 || field[1] < 0 || field[1] > INT32_MAX) {
        return false;
    }
    wp_household_ask(&board->charge.household, (int32_t)field[0], (int32_t)field[1]);
    wp_line_writer line;
    wp_line_begin(&line, 'G');
    wp_line_field(&line, field[0]);
    wp_line_field(&line, field[1]);
    send_line(board, &line);
    return true;
}

#else

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

#endif

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
