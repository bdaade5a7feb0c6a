#include "board_private.h"

#include <string.h>

/* Numbers on the wire, docs/wire.md. */
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
    COUNTER_MODE = 10,
    N_COUNTERS
};

/* Whether the answer to that sequence number is still kept. The features count the samples of this charge, so a slot
 * left over from the charge before, or never written, does not pass for an answer; the count stops at 2^32 - 1. */
static bool is_kept(const wp_board *board, uint32_t sequence)
{
    const uint32_t age = board->next_sequence - sequence; /* 1 is the latest */
    return age >= 1 && age <= WP_ANSWERS_KEPT && age <= n_samples_of(&board->charge);
}

/* Modulo 2^32: beyond the expected one by less than half. */
static bool is_ahead(const wp_board *board, uint32_t sequence)
{
    return sequence - board->next_sequence - 1u < (uint32_t)INT32_MAX;
}

static void note_duration(wp_duration *duration, uint32_t value)
{
    duration->latest = value;
    if (value > duration->longest) {
        duration->longest = value;
    }
}

/* The clock may be coarse: where the ticks have a rate they are the stopwatch. Saturates after 71 minutes. */
static uint32_t passed_us(const wp_port *port, uint32_t start_us, uint32_t n_ticks)
{
    if (port->ticks_per_s == 0) {
        return port->clock_us(port->context) - start_us;
    }
    const uint64_t us = (uint64_t)n_ticks * 1000000u / port->ticks_per_s;
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

wp_status wp_answer_next(wp_board *board, const wp_board_sample *sample, wp_board_answer *answer)
{
    const wp_port *port = board->port;
    const uint32_t start_us = port->clock_us(port->context);
    const uint32_t start_ticks = port->ticks(port->context);
    const wp_status status = wp_board_charge_update(&board->charge, sample, answer);

    if (status == WP_OK) {
        const uint32_t n_ticks = port->ticks(port->context) - start_ticks;
        note_duration(&board->answer_ticks, n_ticks);
        note_duration(&board->answer_us, passed_us(port, start_us, n_ticks));
        board->next_sequence++;
        board->n_answered++;
    }
    return status;
}

static void answer_new_sample(wp_board *board, uint32_t sequence, const wp_board_sample *sample)
{
    wp_kept_answer *slot = &board->kept[sequence % WP_ANSWERS_KEPT];

    if (wp_answer_next(board, sample, &slot->answer) != WP_OK) {
        wp_refuse(board, sequence, WP_REFUSAL_TIME); /* nothing has changed: the slot still holds the eighth latest */
        return;
    }
    slot->sample = *sample;
    wp_send_prediction(board, sequence, &slot->answer);
}

static void answer_known_sample(wp_board *board, uint32_t sequence, const wp_board_sample *sample)
{
    const wp_kept_answer *slot = &board->kept[sequence % WP_ANSWERS_KEPT];
    if (same_sample(&slot->sample, sample)) {
        wp_send_prediction(board, sequence, &slot->answer);
    } else {
        wp_refuse(board, sequence, WP_REFUSAL_DIFFERENT);
    }
}

static bool take_sample(wp_board *board, const wp_message *message)
{
    if (!is_sample(message)) {
        return false;
    }
    const uint32_t sequence = (uint32_t)message->fields[0];
    const wp_board_sample sample = sample_of(board, message);

    if (board->mode != WP_MODE_INJECTED) {
        wp_refuse(board, sequence, WP_REFUSAL_MODE);
    } else if (!is_whole(board, sequence) || is_ahead(board, sequence)) {
        wp_refuse(board, sequence, WP_REFUSAL_GAP);
    } else if (sequence == board->next_sequence) {
        answer_new_sample(board, sequence, &sample);
    } else if (is_kept(board, sequence)) {
        answer_known_sample(board, sequence, &sample);
    } else {
        wp_refuse(board, sequence, WP_REFUSAL_TOO_OLD);
    }
    return true;
}

void wp_begin_charge(wp_board *board, uint32_t sequence)
{
    forget_samples(board);
    board->next_sequence = sequence;
}

static bool take_reset(wp_board *board, const wp_message *message)
{
    if (message->n_fields != 1 || !is_unsigned(message->fields[0])) {
        return false;
    }
    const uint32_t sequence = (uint32_t)message->fields[0];
    if (board->mode == WP_MODE_INJECTED) { /* a live charge is the sensor's */
        wp_begin_charge(board, sequence);
    }
    wp_send_number(board, 'R', sequence);
    return true;
}

static bool take_mode(wp_board *board, const wp_message *message)
{
    if (message->n_fields != 1) {
        return false;
    }
    switch (message->fields[0]) {
    case WP_MODE_LIVE:
        if (!has_live_mode(board)) {
            wp_refuse(board, board->next_sequence, WP_REFUSAL_MODE);
            return true;
        }
        if (board->mode != WP_MODE_LIVE) {
            wp_begin_live(board);
        }
        break;
    case WP_MODE_INJECTED:
        if (board->mode != WP_MODE_INJECTED) {
            wp_end_live(board);
        }
        break;
    default:
        return false;
    }
    wp_send_number(board, 'M', (uint32_t)board->mode);
    return true;
}

static bool take_hello(const wp_board *board, const wp_message *message)
{
    if (message->n_fields != 0) {
        return false;
    }
    wp_send_hello(board);
    wp_send_number(board, 'C', WP_CREDIT_BYTES);
    if (board->mode == WP_MODE_LIVE) {
        wp_send_live_state(board);
    }
    return true;
}

static bool take_statistics(const wp_board *board, const wp_message *message)
{
    if (message->n_fields != 0) {
        return false;
    }
    const wp_port *port = board->port;
    const uint32_t values[N_COUNTERS] = {
        [COUNTER_ANSWERED] = board->n_answered,
        [COUNTER_DAMAGED] = board->n_damaged,
        [COUNTER_REFUSALS] = board->n_refused,
        [COUNTER_ANSWER_US] = board->answer_us.latest,
        [COUNTER_ANSWER_MAX_US] = board->answer_us.longest,
        [COUNTER_NEXT_SEQUENCE] = board->next_sequence,
        [COUNTER_ANSWER_TICKS] = board->answer_ticks.latest,
        [COUNTER_ANSWER_MAX_TICKS] = board->answer_ticks.longest,
        [COUNTER_TICKS_PER_S] = port->ticks_per_s,
        [COUNTER_STACK_BYTES] = port->stack_bytes(port->context),
        [COUNTER_MODE] = (uint32_t)board->mode,
    };
    for (size_t k = 0; k < N_COUNTERS; k++) {
        wp_send_counter(board, (uint8_t)k, values[k]);
    }
    return true;
}

static void take_message(wp_board *board, const wp_message *message)
{
    bool fields_fit = true;
    switch (message->type) {
#if WP_PROFILE_EV
    case WP_PHASES_LINE:
        fields_fit = take_phases(board, message);
        break;
    case WP_GOAL_LINE:
        fields_fit = wp_take_goal(board, message);
        break;
#endif
    case WP_SAMPLE_LINE:
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
    case 'V':
        fields_fit = wp_take_list_settings(board, message);
        break;
    case 'W':
        fields_fit = wp_take_set_setting(board, message);
        break;
    default:
        wp_send_number(board, 'X', WP_LINE_ERROR_TYPE);
        break;
    }
    if (!fields_fit) {
        wp_send_number(board, 'X', WP_LINE_ERROR_FIELDS);
    }
}

static void take_line(wp_board *board)
{
    const wp_line_reader *line = &board->reader;
    wp_message message = {0};
    if (!wp_line_is_message(line->bytes, line->length)) {
        return; /* a log, or the tail of a line torn apart: not for the board */
    }
    if (line->overflow || wp_line_parse(line->bytes, line->length, &message) != WP_OK) {
        board->n_damaged++;
        return;
    }
    take_message(board, &message);
}

wp_status wp_board_init(wp_board *board, const wp_board_model *model, const wp_port *port)
{
    wp_status status = wp_port_check(port);
    memset(board, 0, sizeof *board);
    board->port = port;
    board->mode = WP_MODE_INJECTED;
    wp_line_reader_init(&board->reader);
    if (status == WP_OK) {
        status = wp_board_charge_init(&board->charge, model);
    }
    if (status == WP_OK) {
        wp_send_hello(board);
        if (has_live_mode(board)) {
            wp_begin_live(board);
        }
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
