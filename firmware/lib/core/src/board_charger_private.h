/* board_charger_private.h: what board.c asks of a firmware's profile (wp/profile.h), at a charger's output. Private to the
 * core. */
#ifndef WP_BOARD_CHARGER_H
#define WP_BOARD_CHARGER_H

#include "wp/board.h"

/* The line that a sample is, or its last: docs/wire.md. */
#define WP_SAMPLE_LINE 'S'

static inline bool is_unsigned(int64_t field)
{
    return field >= 0; /* a number on the wire is at most 2^32 - 1 */
}

static inline bool is_signed(int64_t field)
{
    return field >= INT32_MIN && field <= INT32_MAX;
}

/* Whether a line has a sample's fields; the first is its number. */
static inline bool is_sample(const wp_message *message)
{
    const int64_t *field = message->fields;
    return message->n_fields == 4 && is_unsigned(field[0]) && is_unsigned(field[1]) && is_signed(field[2]) &&
           is_signed(field[3]);
}

/* The sample in a line that has its fields. */
static inline wp_sample sample_of(const wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    (void)board;
    return (wp_sample){.t_ms = (uint32_t)field[1], .voltage_mv = (int32_t)field[2], .current_ma = (int32_t)field[3]};
}

/* Whether all lines of the sample have come. */
static inline bool is_whole(const wp_board *board, uint32_t sequence)
{
    (void)board;
    (void)sequence;
    return true;
}

static inline bool same_sample(const wp_sample *a, const wp_sample *b)
{
    return a->t_ms == b->t_ms && a->voltage_mv == b->voltage_mv && a->current_ma == b->current_ma;
}

/* Samples of the charge so far; the count stops at 2^32 - 1. */
static inline uint32_t n_samples_of(const wp_charge *charge)
{
    return charge->features.n_samples;
}

/* Forgets all samples. */
static inline void forget_samples(wp_board *board)
{
    wp_features_init(&board->charge.features);
}

static inline uint8_t n_devices_of(const wp_model *model)
{
    return model->n_devices;
}

static inline bool has_live_mode(const wp_board *board)
{
    return board->port->sensor != WP_SENSOR_ABSENT;
}

#endif
