#include "wp/board.h"

#include <string.h>

/* Codes on the wire, docs/wire.md. */
enum { ERROR_UNKNOWN_TYPE = 1, ERROR_WRONG_FIELDS = 2 };
enum {
    COUNTER_ANSWERED = 0,
    COUNTER_DAMAGED = 1,
    COUNTER_REFUSALS = 2,
    COUNTER_ANSWER_US = 3,
    COUNTER_ANSWER_MAX_US = 4,
    COUNTER_NEXT_SEQUENCE = 5,
    COUNTER_ANSWER_TICKS = 6,
    COUNTER_ANSWER_MAX_TICKS = 7,
    COUNTER_TICKS_PER_S = 8,
    COUNTER_STACK_BYTES = 9,
    COUNTER_MODE = 10
};
#define NOT_KNOWN 0xFFFFFFFFu

/* Every line built below fits: the longest is a prediction, 60 bytes with all of its fields at their widest. */
static void send_line(const wp_board *board, wp_line_writer *line)
{
    const size_t n = wp_line_end(line);
    board->port->write(board->port->context, line->bytes, n);
}

static void send_number(const wp_board *board, uint8_t type, uint32_t value)
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

static void send_hello(const wp_board *board)
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

static void send_counter(const wp_board *board, uint8_t counter, uint32_t value)
{
    wp_line_writer line;
    wp_line_begin(&line, 'T');
    wp_line_field(&line, counter);
    wp_line_field(&line, value);
    send_line(board, &line);
}

static void send_prediction(const wp_board *board, uint32_t sequence, const wp_answer *answer)
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

static void refuse(wp_board *board, uint32_t sequence, wp_refusal reason)
{
    wp_line_writer line;
    board->n_refused++;
    wp_line_begin(&line, 'N');
    wp_line_field(&line, sequence);
    wp_line_field(&line, (int64_t)reason);
    wp_line_field(&line, board->next_sequence);
    send_line(board, &line);
}

static bool is_unsigned(int64_t field)
{
    return field >= 0; /* a number on the wire is at most 2^32 - 1 */
}

static bool is_signed(int64_t field)
{
    return field >= INT32_MIN && field <= INT32_MAX;
}

static bool same_sample(const wp_sample *a, const wp_sample *b)
{
    return a->t_ms == b->t_ms && a->voltage_mv == b->voltage_mv && a->current_ma == b->current_ma;
}

/* Whether the answer to that sequence number is still kept. The features count the samples of this charge, so a slot
 * left over from the charge before, or never written, does not pass for an answer; the count stops at 2^32 - 1. */
static bool is_kept(const wp_board *board, uint32_t sequence)
{
    const uint32_t age = board->next_sequence - sequence; /* 1 is the latest */
    return age >= 1 && age <= WP_ANSWERS_KEPT && age <= board->charge.features.n_samples;
}

static void answer_new_sample(wp_board *board, uint32_t sequence, const wp_sample *sample)
{
    const wp_port *port = board->port;
    wp_kept_answer *slot = &board->kept[sequence % WP_ANSWERS_KEPT];
    const uint32_t start_us = port->clock_us(port->context);

    if (wp_charge_update(&board->charge, sample, &slot->answer) != WP_OK) {
        refuse(board, sequence, WP_REFUSAL_TIME); /* nothing has changed: the slot still holds the eighth latest */
        return;
    }
    board->answer_us = port->clock_us(port->context) - start_us;
    if (board->answer_us > board->answer_max_us) {
        board->answer_max_us = board->answer_us;
    }
    slot->sample = *sample;
    board->next_sequence++;
    board->n_answered++;
    send_prediction(board, sequence, &slot->answer);
}

static void answer_known_sample(wp_board *board, uint32_t sequence, const wp_sample *sample)
{
    const wp_kept_answer *slot = &board->kept[sequence % WP_ANSWERS_KEPT];
    if (same_sample(&slot->sample, sample)) {
        send_prediction(board, sequence, &slot->answer);
    } else {
        refuse(board, sequence, WP_REFUSAL_DIFFERENT);
    }
}

static bool take_sample(wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    if (message->n_fields != 4 || !is_unsigned(field[0]) || !is_unsigned(field[1]) || !is_signed(field[2]) ||
        !is_signed(field[3])) {
        return false;
    }
    const uint32_t sequence = (uint32_t)field[0];
    const wp_sample sample = {
        .t_ms = (uint32_t)field[1], .voltage_mv = (int32_t)field[2], .current_ma = (int32_t)field[3]};

    if (board->mode != WP_MODE_INJECTED) {
        refuse(board, sequence, WP_REFUSAL_MODE);
    } else if (sequence == board->next_sequence) {
        answer_new_sample(board, sequence, &sample);
    } else if (is_kept(board, sequence)) {
        answer_known_sample(board, sequence, &sample);
    } else if (sequence - board->next_sequence <= (uint32_t)INT32_MAX) { /* modulo 2^32: ahead by less than half */
        refuse(board, sequence, WP_REFUSAL_GAP);
    } else {
        refuse(board, sequence, WP_REFUSAL_TOO_OLD);
    }
    return true;
}

static wp_status begin_charge(wp_board *board, const wp_model *model, uint32_t sequence)
{
    const wp_status status = wp_charge_init(&board->charge, model);
    board->next_sequence = sequence;
    return status;
}

static bool take_reset(wp_board *board, const wp_message *message)
{
    if (message->n_fields != 1 || !is_unsigned(message->fields[0])) {
        return false;
    }
    const uint32_t sequence = (uint32_t)message->fields[0];
    if (begin_charge(board, board->charge.model, sequence) == WP_OK) { /* always: wp_board_init has checked the model */
        send_number(board, 'R', sequence);
    }
    return true;
}

static bool take_mode(wp_board *board, const wp_message *message)
{
    if (message->n_fields != 1) {
        return false;
    }
    switch (message->fields[0]) {
    case WP_MODE_LIVE: /* no port has a sensor */
        refuse(board, board->next_sequence, WP_REFUSAL_MODE);
        return true;
    case WP_MODE_INJECTED:
        board->mode = WP_MODE_INJECTED;
        send_number(board, 'M', WP_MODE_INJECTED);
        return true;
    default:
        return false;
    }
}

static bool take_hello(const wp_board *board, const wp_message *message)
{
    if (message->n_fields != 0) {
        return false;
    }
    send_hello(board);
    send_number(board, 'C', WP_CREDIT_BYTES);
    return true;
}

static bool take_statistics(const wp_board *board, const wp_message *message)
{
    if (message->n_fields != 0) {
        return false;
    }
    send_counter(board, COUNTER_ANSWERED, board->n_answered);
    send_counter(board, COUNTER_DAMAGED, board->n_damaged);
    send_counter(board, COUNTER_REFUSALS, board->n_refused);
    send_counter(board, COUNTER_ANSWER_US, board->answer_us);
    send_counter(board, COUNTER_ANSWER_MAX_US, board->answer_max_us);
    send_counter(board, COUNTER_NEXT_SEQUENCE, board->next_sequence);
    send_counter(board, COUNTER_ANSWER_TICKS, NOT_KNOWN);
    send_counter(board, COUNTER_ANSWER_MAX_TICKS, NOT_KNOWN);
    send_counter(board, COUNTER_TICKS_PER_S, NOT_KNOWN);
    send_counter(board, COUNTER_STACK_BYTES, NOT_KNOWN);
    send_counter(board, COUNTER_MODE, (uint32_t)board->mode);
    return true;
}

static void take_message(wp_board *board, const wp_message *message)
{
    bool fields_fit = true;
    switch (message->type) {
    case 'S':
        fields_fit = take_sample(board, message);
        break;
    case 'R':
        fields_fit = take_reset(board, message);
        break;
    case 'M':
        fields_fit = take_mode(board, message);
        break;
    case 'H':
        fields_fit = take_hello(board, message);
        break;
    case 'T':
        fields_fit = take_statistics(board, message);
        break;
    default:
        send_number(board, 'X', ERROR_UNKNOWN_TYPE);
        break;
    }
    if (!fields_fit) {
        send_number(board, 'X', ERROR_WRONG_FIELDS);
    }
}

static void take_line(wp_board *board)
{
    const wp_line_reader *line = &board->reader;
    wp_message message;
    if (!wp_line_is_message(line->bytes, line->length)) {
        return; /* a log, or the tail of a line torn apart: not for the board */
    }
    if (line->overflow || wp_line_parse(line->bytes, line->length, &message) != WP_OK) {
        board->n_damaged++;
        return;
    }
    take_message(board, &message);
}

wp_status wp_board_init(wp_board *board, const wp_model *model, const wp_port *port)
{
    memset(board, 0, sizeof *board);
    board->port = port;
    board->mode = WP_MODE_INJECTED;
    wp_line_reader_init(&board->reader);
    const wp_status status = begin_charge(board, model, 0);
    if (status == WP_OK) {
        send_hello(board);
    }
    return status;
}

void wp_board_receive(wp_board *board, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wp_line_reader_push(&board->reader, bytes[i])) {
            take_line(board);
        }
    }
}
