/* board_private.h: what the parts of the board's side share: board.c, board_*.c. Private to the core.
 */
#ifndef WP_BOARD_PRIVATE_H
#define WP_BOARD_PRIVATE_H

#include "wp/board.h"

#if WP_PROFILE_EV
#include "board_vehicle_private.h"
#else
#include "board_charger_private.h"
#endif

/* Codes of an error, docs/wire.md. */
enum {
    WP_LINE_ERROR_TYPE = 1,
    WP_LINE_ERROR_FIELDS = 2,
    WP_LINE_ERROR_SETTING = 3,
    WP_LINE_ERROR_VALUE = 4,
    WP_LINE_ERROR_FLASH = 5
};

/* Lines, docs/wire.md. */
void wp_send_hello(const wp_board *board);
void wp_send_number(const wp_board *board, uint8_t type, uint32_t value);
void wp_send_counter(const wp_board *board, uint8_t counter, uint32_t value);
void wp_send_event(const wp_board *board, wp_event event, uint32_t detail);
void wp_send_prediction(const wp_board *board, uint32_t sequence, const wp_board_answer *answer);
void wp_send_setting(const wp_board *board, uint8_t number);
void wp_refuse(wp_board *board, uint32_t sequence, wp_refusal reason);

/* Forgets all samples; the next is to have that number. */
void wp_begin_charge(wp_board *board, uint32_t sequence);

/* Answers the next sample of the charge and takes the time. On error nothing changes. */
WP_MUST_CHECK wp_status wp_answer_next(wp_board *board, const wp_board_sample *sample, wp_board_answer *answer);

#if WP_PROFILE_EV
/* What is wanted of the charge. False: fields too many, too few or out of range. */
bool wp_take_goal(wp_board *board, const wp_message *message);
#endif
#if WP_METER
void wp_send_live_sample(const wp_board *board, uint32_t sequence, const wp_vehicle_measurement *measured);
#if WP_ADVICE
void wp_send_advice(const wp_board *board, uint32_t sequence, const wp_advice *advice);
#endif
#elif !WP_PROFILE_EV
void wp_send_live_sample(const wp_board *board, uint32_t sequence, const wp_sample *sample);
#endif

#if WP_METER || !WP_PROFILE_EV
/* Live mode begins with nothing plugged in. */
void wp_begin_live(wp_board *board);

/* A sensor that has been set otherwise, or is another one: a charge in progress ends. */
void wp_begin_live_again(wp_board *board);

/* Live mode ends, and with it a charge in progress. */
void wp_end_live(wp_board *board);

/* Tells a host that comes in mid-charge what it has missed. */
void wp_send_live_state(const wp_board *board);
#endif

/* Tells all settings; sets one. False: fields too many, too few or out of range. */
bool wp_take_list_settings(const wp_board *board, const wp_message *message);
bool wp_take_set_setting(wp_board *board, const wp_message *message);

#endif
