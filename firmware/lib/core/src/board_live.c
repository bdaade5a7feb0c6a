/* Live mode: the board's own samples. */
#include "board_private.h"

#if WP_PROFILE_EV

uint32_t wp_board_tick(wp_board *board)
{
    (void)board; /* samples are injected only */
    return WP_WAIT_FOR_EVER;
}

#else

void wp_begin_live(wp_board *board)
{
    board->mode = WP_MODE_LIVE;
    wp_begin_charge(board, 0);
    wp_live_init(&board->live, board->port->clock_us(board->port->context));
}

static void end_charge(const wp_board *board)
{
    if (board->live.plugged) {
        wp_send_event(board, WP_EVENT_UNPLUG, board->n_charges);
    }
}

void wp_begin_live_again(wp_board *board)
{
    end_charge(board);
    wp_begin_live(board);
}

void wp_end_live(wp_board *board)
{
    end_charge(board);
    board->mode = WP_MODE_INJECTED;
    wp_begin_charge(board, 0);
}

void wp_send_live_state(const wp_board *board)
{
    if (board->live.plugged) {
        wp_send_event(board, WP_EVENT_PLUG, board->n_charges);
    }
    if (board->live.fault != WP_SENSOR_OK) {
        wp_send_event(board, WP_EVENT_FAULT, board->live.fault);
    }
}

static void send_events(wp_board *board, uint8_t events)
{
    if ((events & WP_LIVE_FAULT) != 0) {
        wp_send_event(board, WP_EVENT_FAULT, board->live.fault);
    }
    if ((events & WP_LIVE_WELL) != 0) {
        wp_send_event(board, WP_EVENT_WELL, 0);
    }
    if ((events & WP_LIVE_UNPLUG) != 0) {
        wp_send_event(board, WP_EVENT_UNPLUG, board->n_charges);
    }
    if ((events & WP_LIVE_PLUG) != 0) {
        board->n_charges++;
        wp_begin_charge(board, 0);
        wp_send_event(board, WP_EVENT_PLUG, board->n_charges);
    }
}

static void send_sample(wp_board *board, const wp_sample *sample)
{
    const uint32_t sequence = board->next_sequence;
    wp_answer answer;
    if (wp_answer_next(board, sample, &answer) == WP_OK) { /* always: time has moved on */
        wp_send_live_sample(board, sequence, sample);
        wp_send_prediction(board, sequence, &answer);
    }
}

static void measure(wp_board *board)
{
    wp_reading reading = {.status = WP_SENSOR_NO_ANSWER};
    if (board->port->measure != NULL) { /* always: a board that loses its sensor leaves live mode */
        board->port->measure(board->port->context, &reading);
    }
    const wp_live_step step = wp_live_take(&board->live, &reading, wp_charge_has_tapered(&board->charge));
    send_events(board, step.events);
    for (size_t k = 0; k < step.n_samples; k++) {
        send_sample(board, &step.samples[k]);
    }
}

uint32_t wp_board_tick(wp_board *board)
{
    const wp_port *port = board->port;
    if (board->mode != WP_MODE_LIVE) {
        return WP_WAIT_FOR_EVER;
    }
    wp_live_advance(&board->live, port->clock_us(port->context));
    if (wp_live_is_due(&board->live)) {
        measure(board);
        wp_live_advance(&board->live, port->clock_us(port->context));
    }
    return wp_live_wait_us(&board->live);
}

#endif
