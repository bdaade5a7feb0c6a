/* wp/board.h: the board's side of the wire: bytes in, lines out. Portable; a port moves the bytes.
 *
 * The caller owns the memory and calls wp_board_receive with whatever has arrived. Answers go out through the port's
 * write, at once and in order. No call blocks but write itself.
 */
#ifndef WP_BOARD_H
#define WP_BOARD_H

#include "wp/charge.h"
#include "wp/link.h"

#define WP_PROTOCOL_VERSION 1
#define WP_FIRMWARE_VERSION 0x000100u /* 0xMMmmpp: 0.1.0 */

/* Bytes the host may have unanswered: a hardware UART's FIFO. Announced as credit. */
#ifndef WP_CREDIT_BYTES
#define WP_CREDIT_BYTES 128
#endif
/* Answers kept for a host that missed one. More than lines fit into the credit: the shortest sample has 20 bytes. */
#define WP_ANSWERS_KEPT 8
_Static_assert(WP_CREDIT_BYTES / 20 < WP_ANSWERS_KEPT, "a host may ask for any answer it has not seen");

typedef enum wp_mode { WP_MODE_LIVE = 0, WP_MODE_INJECTED = 1 } wp_mode;

/* Reasons in a refusal, docs/wire.md. */
typedef enum wp_refusal {
    WP_REFUSAL_GAP = 1,      /* a sequence number beyond the expected one: go back */
    WP_REFUSAL_TOO_OLD = 2,  /* an answer no longer kept: reset and replay */
    WP_REFUSAL_TIME = 3,     /* t_ms does not lie after the previous sample's */
    WP_REFUSAL_MODE = 4,     /* samples are injected in injected mode only; or no sensor for live mode */
    WP_REFUSAL_DIFFERENT = 5 /* a repeated sequence number with other values */
} wp_refusal;

/* Why the board started. Announced in the hello, so that a reset in mid-charge is seen. */
typedef enum wp_boot { WP_BOOT_POWER = 0, WP_BOOT_RESET = 1, WP_BOOT_WATCHDOG = 2, WP_BOOT_BROWNOUT = 3 } wp_boot;

/* What a board supplies. No defaults: every pointer is required. */
typedef struct wp_port {
    void *context;                                                 /* handed to every call */
    void (*write)(void *context, const uint8_t *bytes, size_t n);  /* sends all n bytes, in order */
    uint32_t (*clock_us)(void *context);                           /* free-running microseconds, wraps */
    wp_boot boot;
} wp_port;

typedef struct wp_kept_answer {
    wp_sample sample; /* what was answered, to tell a repeat from a contradiction */
    wp_answer answer;
} wp_kept_answer;

typedef struct wp_board {
    const wp_port *port;
    wp_charge charge;
    wp_line_reader reader;
    wp_mode mode;
    uint32_t next_sequence;      /* the only new one that is accepted */
    uint32_t n_answered;         /* samples since power-up; wraps */
    uint32_t n_damaged;          /* lines with a wrong CRC, length or field */
    uint32_t n_refused;
    uint32_t answer_us;          /* the latest answer's time */
    uint32_t answer_max_us;
    wp_kept_answer kept[WP_ANSWERS_KEPT]; /* answer to sequence s at s % WP_ANSWERS_KEPT */
} wp_board;

/* Starts the board's side and sends the hello. Port and model must outlive it. WP_ERROR_MODEL: nothing was sent. */
WP_MUST_CHECK wp_status wp_board_init(wp_board *board, const wp_model *model, const wp_port *port);

/* Takes n received bytes and answers every line completed by them. */
void wp_board_receive(wp_board *board, const uint8_t *bytes, size_t n);

#endif
