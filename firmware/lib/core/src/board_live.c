/* Live mode: the board's own samples. */
#include "board_private.h"

#if WP_PROFILE_EV && !WP_METER

uint32_t wp_board_tick(wp_board *board)
{
    (void)board; /* samples are injected only */
    return WP_WAIT_FOR_EVER;
}

#else

#if WP_METER
#define live_init wp_vehicle_live_init
#define live_advance wp_vehicle_live_advance
#define live_wait_us wp_vehicle_live_wait_us
#else
#define live_init wp_live_init
#define live_advance wp_live_advance
#define live_wait_us wp_live_wait_us
#endif

#if WP_METER && WP_ADVICE

/* What may be switched is looked up anew each time: settings may have changed. */
static void wish(wp_board *board)
{
    const wp_charge_control *control = &board->port->control;
    const uint32_t now_s = (board->live.now_ms - board->live.begin_ms) / 1000u;
    board->advice.settings.wishes = control->wishes;
    if (control->most_ma > 0) {
        board->advice.settings.most_ma = control->most_ma;
    }
    if (control->ready_in_s != board->ready_in_s) {
        board->ready_in_s = control->ready_in_s;
        wp_advice_ready_by(&board->advice, now_s, control->ready_in_s > 0 ? control->ready_in_s - (int32_t)now_s : -1);
    }
}

static void begin_advice(wp_board *board)
{
    wp_advice_settings settings = wp_advice_defaults();
    settings.enable = board->port->control.enable;
    settings.context = board->port->context;
    settings.most_ma = board->port->control.most_ma > 0 ? board->port->control.most_ma : settings.most_ma;
    wp_advice_begin(&board->advice, &settings, 0);
    board->ready_in_s = 0;
    wish(board);
}

static void end_advice(wp_board *board)
{
    wp_advice_end(&board->advice);
}

/* What is known of the charge now; without an answer, that no current is known to flow. */
static wp_advice advise(wp_board *board, const wp_vehicle_answer *answer)
{
    const wp_vehicle *vehicle = &board->charge.vehicle;
    wp_advice_input input = {.drawing = answer != NULL && vehicle->drawing, .current_ma = vehicle->current_ma};
    wp_advice advice;
    for (size_t j = 0; input.drawing && j < 3; j++) {
        input.full_s[j] = answer->household.done_s[j];
        input.target_s[j] = answer->household.target_s[j];
    }
    wish(board);
    wp_advice_update(&board->advice, (board->live.now_ms - board->live.begin_ms) / 1000u, &input, &advice);
    return advice;
}

#elif WP_METER

static void begin_advice(const wp_board *board)
{
    (void)board;
}

static void end_advice(const wp_board *board)
{
    (void)board;
}

#endif

void wp_begin_live(wp_board *board)
{
    board->mode = WP_MODE_LIVE;
    wp_begin_charge(board, 0);
    live_init(&board->live, board->port->clock_us(board->port->context));
#if WP_METER
    board->reading = false;
    board->port->start(board->port->context, &board->meter);
#endif
}

static void end_charge(wp_board *board)
{
    if (board->live.plugged) {
#if WP_METER
        end_advice(board);
#endif
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
#if WP_METER
        end_advice(board);
#endif
        wp_send_event(board, WP_EVENT_UNPLUG, board->n_charges);
    }
    if ((events & WP_LIVE_PLUG) != 0) {
        board->n_charges++;
        wp_begin_charge(board, 0);
#if WP_METER
        begin_advice(board);
#endif
        wp_send_event(board, WP_EVENT_PLUG, board->n_charges);
    }
}

#if WP_METER

static void send_sample(wp_board *board, const wp_vehicle_measurement *measured)
{
    const uint32_t sequence = board->next_sequence;
    wp_vehicle_answer answer;
    if (wp_answer_next(board, &measured->sample, &answer) == WP_OK) { /* always: time has moved on */
        wp_send_live_sample(board, sequence, measured);
        wp_send_prediction(board, sequence, &answer);
#if WP_ADVICE
        const wp_advice advice = advise(board, &answer);
        wp_send_advice(board, sequence, &advice);
#endif
    }
}

static void take_reading(wp_board *board, const wp_vehicle_reading *reading)
{
    const wp_vehicle_live_step step = wp_vehicle_live_take(&board->live, reading);
    send_events(board, step.events);
    for (size_t k = 0; k < step.n_samples; k++) {
        send_sample(board, &step.samples[k]);
    }
#if WP_ADVICE
    if (step.n_samples == 0 && board->live.plugged) { /* a fault: what was waited for still passes */
        (void)advise(board, NULL);
    }
#endif
}

/* Begins a reading when it is time, and goes on with one that is under way. */
static void look(wp_board *board)
{
    const wp_port *port = board->port;
    wp_vehicle_reading reading;
    if (!board->reading && wp_vehicle_live_begins(&board->live, port->period_ms)) {
        board->reading = true;
        port->begin(port->context);
    }
    if (board->reading && port->poll(port->context, &reading)) {
        board->reading = false;
        take_reading(board, &reading);
    }
}

uint32_t wp_board_tick(wp_board *board)
{
    const wp_port *port = board->port;
    if (board->mode != WP_MODE_LIVE) {
        return WP_WAIT_FOR_EVER;
    }
    live_advance(&board->live, port->clock_us(port->context));
    look(board);
    live_advance(&board->live, port->clock_us(port->context));
    return board->reading ? WP_VEHICLE_POLL_US : live_wait_us(&board->live);
}

#else

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
    live_advance(&board->live, port->clock_us(port->context));
    if (wp_live_is_due(&board->live)) {
        measure(board);
        live_advance(&board->live, port->clock_us(port->context));
    }
    return live_wait_us(&board->live);
}

#endif

#endif
