/* wp/board.h: the board's side of the wire: bytes and time in, lines out. Portable; a port moves the bytes.
 *
 * The caller owns the memory, calls wp_board_receive with whatever has arrived and wp_board_tick when that asks for it.
 * Lines go out through the port's write, at once and in order. No call waits but write itself. What is sampled and
 * answered is the firmware's profile: wp/profile.h.
 *
 *     for (;;) {
 *         const uint32_t wait_us = wp_board_tick(&board);
 *         const size_t n = wait_for_bytes(bytes, sizeof bytes, wait_us);
 *         wp_board_receive(&board, bytes, n);
 *     }
 */
#ifndef WP_BOARD_H
#define WP_BOARD_H

#include "wp/link.h"
#include "wp/live.h"
#include "wp/port.h"
#include "wp/profile.h"

#define WP_PROTOCOL_VERSION 1
/* As the hello has it: the profile in the upper four bits. */
#define WP_PROTOCOL_FIELD (WP_PROFILE_EV << 4 | WP_PROTOCOL_VERSION)
#define WP_FIRMWARE_VERSION 0x000100u /* 0xMMmmpp: 0.1.0 */

/* Answers kept for a host that missed one, and bytes of the shortest sample. */
#if WP_PROFILE_EV
#define WP_SAMPLE_BYTES_MIN 48
#define WP_ANSWERS_KEPT 4
#else
#define WP_SAMPLE_BYTES_MIN 20
#define WP_ANSWERS_KEPT 8
#endif
/* Bytes the host may have unanswered, announced as credit: a hardware UART's FIFO; at a charge point, whose samples are
 * longer, as much as the answers kept allow, so that two samples of usual length fit. */
#ifndef WP_CREDIT_BYTES
#if WP_PROFILE_EV
#define WP_CREDIT_BYTES (WP_ANSWERS_KEPT * WP_SAMPLE_BYTES_MIN - 1)
#else
#define WP_CREDIT_BYTES 128
#endif
#endif
_Static_assert(WP_CREDIT_BYTES / WP_SAMPLE_BYTES_MIN < WP_ANSWERS_KEPT, "a host may ask for any answer it has not seen");

typedef enum wp_mode { WP_MODE_LIVE = 0, WP_MODE_INJECTED = 1 } wp_mode;

/* Reasons in a refusal, docs/wire.md. */
typedef enum wp_refusal {
    WP_REFUSAL_GAP = 1,      /* a sequence number beyond the expected one: go back */
    WP_REFUSAL_TOO_OLD = 2,  /* an answer no longer kept: reset and replay */
    WP_REFUSAL_TIME = 3,     /* t_ms does not lie after the previous sample's */
    WP_REFUSAL_MODE = 4,     /* samples are injected in injected mode only; or no sensor for live mode */
    WP_REFUSAL_DIFFERENT = 5 /* a repeated sequence number with other values */
} wp_refusal;

/* Events on the wire, docs/wire.md. */
typedef enum wp_event { WP_EVENT_PLUG = 1, WP_EVENT_UNPLUG = 2, WP_EVENT_FAULT = 3, WP_EVENT_WELL = 4 } wp_event;

/* wp_board_tick has nothing to do until bytes arrive. */
#define WP_WAIT_FOR_EVER UINT32_MAX

typedef struct wp_kept_answer {
    wp_board_sample sample; /* what was answered, to tell a repeat from a contradiction */
    wp_board_answer answer;
} wp_kept_answer;

/* How long answers take, in one unit. */
typedef struct wp_duration {
    uint32_t latest;
    uint32_t longest;
} wp_duration;

typedef struct wp_board {
    const wp_port *port;
    wp_board_charge charge;
    wp_line_reader reader;
    wp_mode mode;
#if WP_PROFILE_EV
    wp_vehicle_sample phases;    /* of a sample whose last line has not come yet: voltages, currents */
    uint32_t phases_sequence;    /* its number */
    bool phases_wait;
#else
    wp_live live;                /* in live mode */
#endif
    uint32_t n_charges;          /* plugs since power-up */
    uint32_t next_sequence;      /* the only new one that is accepted; in live mode the next sample's */
    uint32_t n_answered;         /* samples since power-up; wraps */
    uint32_t n_damaged;          /* lines with a wrong CRC, length or field */
    uint32_t n_refused;
    wp_duration answer_us;
    wp_duration answer_ticks;
#if WP_METER
    union { /* one mode at a time */
        wp_kept_answer kept[WP_ANSWERS_KEPT]; /* injected mode: answer to sequence s at s % WP_ANSWERS_KEPT */
        struct {                              /* live mode */
            wp_vehicle_live live;
            wp_board_meter meter; /* the port's */
            bool reading;         /* one is under way */
#if WP_ADVICE
            wp_advice_state advice;
            int32_t ready_in_s; /* as it has been asked */
#endif
        };
    };
#else
    wp_kept_answer kept[WP_ANSWERS_KEPT]; /* injected mode: answer to sequence s at s % WP_ANSWERS_KEPT */
#endif
} wp_board;

/* Starts the board's side and sends the hello: in live mode where the port has a sensor, else in injected mode. Port and
 * model must outlive it. WP_ERROR_MODEL, WP_ERROR_PORT: nothing was sent. */
WP_MUST_CHECK wp_status wp_board_init(wp_board *board, const wp_board_model *model, const wp_port *port);

/* Takes n received bytes and answers every line completed by them. */
void wp_board_receive(wp_board *board, const uint8_t *bytes, size_t n);

/* In live mode measures when it is time, and sends what comes of it: at most an event of each kind and, when a plug is
 * found, WP_PLUG_WINDOW samples with their answers; one otherwise.
 *
 * At a charge point a reading takes a while: it is begun, and asked for every few milliseconds, until it has ended.
 *
 * Returns the microseconds until it wants to be called again, WP_WAIT_FOR_EVER in injected mode; a later call is no
 * error, but a missed measurement. To be called again after bytes were received: they may have changed the mode. */
uint32_t wp_board_tick(wp_board *board);

#endif
