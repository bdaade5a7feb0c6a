/* board_vehicle_private.h: what board.c asks of a firmware's profile (wp/profile.h), at a charge point. Private to the
 * core. */
#ifndef WP_BOARD_VEHICLE_H
#define WP_BOARD_VEHICLE_H

#include "wp/board.h"

/* The lines of a sample, docs/wire.md: voltages and currents, then the rest, with which it is whole. And what is asked. */
#define WP_PHASES_LINE 'A'
#define WP_SAMPLE_LINE 'B'
#define WP_GOAL_LINE 'G'
#define WP_ADVICE_LINE 'D'
#define WP_POWER_FACTOR_NOT_MEASURED (-1001)

static inline bool is_unsigned(int64_t field)
{
    return field >= 0; /* a number on the wire is at most 2^32 - 1 */
}

static inline bool is_signed(int64_t field)
{
    return field >= INT32_MIN && field <= INT32_MAX;
}

/* Keeps voltages and currents until the sample's last line. False: fields too many, too few or out of range. */
static inline bool take_phases(wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    wp_vehicle_sample sample = {0};
    if (message->n_fields != 1 + 2 * WP_N_PHASES || !is_unsigned(field[0])) {
        return false;
    }
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        const int64_t voltage_mv = field[1 + 2 * k];
        const int64_t current_ma = field[2 + 2 * k];
        if (voltage_mv < 0 || voltage_mv > WP_VOLTAGE_MAX_MV || current_ma < -WP_CURRENT_MAX_MA ||
            current_ma > WP_CURRENT_MAX_MA) {
            return false;
        }
        sample.voltage_mv[k] = (int32_t)voltage_mv;
        sample.current_ma[k] = (int32_t)current_ma;
    }
    board->phases = sample;
    board->phases_sequence = (uint32_t)field[0];
    board->phases_wait = true; /* in live mode its last line is refused */
    return true;
}

/* Whether a line has the fields that complete a sample; the first is its number. */
static inline bool is_sample(const wp_message *message)
{
    const int64_t *field = message->fields;
    return message->n_fields == 5 && is_unsigned(field[0]) && is_unsigned(field[1]) && is_signed(field[2]) &&
           is_signed(field[3]) && is_signed(field[4]);
}

/* The sample that a line with such fields completes. */
static inline wp_vehicle_sample sample_of(const wp_board *board, const wp_message *message)
{
    const int64_t *field = message->fields;
    wp_vehicle_sample sample = board->phases;
    sample.t_ms = (uint32_t)field[1];
    sample.pilot_da = (int32_t)field[2];
    sample.energy_wh = (int32_t)field[3];
    sample.soc_pct = (int32_t)field[4];
    return sample;
}

/* Whether all lines of the sample have come. */
static inline bool is_whole(const wp_board *board, uint32_t sequence)
{
    return board->phases_wait && board->phases_sequence == sequence;
}

static inline bool same_sample(const wp_vehicle_sample *a, const wp_vehicle_sample *b)
{
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        if (a->voltage_mv[k] != b->voltage_mv[k] || a->current_ma[k] != b->current_ma[k]) {
            return false;
        }
    }
    return a->t_ms == b->t_ms && a->pilot_da == b->pilot_da && a->energy_wh == b->energy_wh && a->soc_pct == b->soc_pct;
}

/* Samples of the charge so far; the count stops at 2^32 - 1. */
static inline uint32_t n_samples_of(const wp_vehicle_charge *charge)
{
    return charge->vehicle.n_samples;
}

/* Forgets all samples, one of which only the first line has come among them. */
static inline void forget_samples(wp_board *board)
{
    board->phases_wait = false;
    wp_vehicle_charge_begin(&board->charge);
}

static inline uint8_t n_devices_of(const wp_household_model *model)
{
    return model->n_cars;
}

static inline bool has_live_mode(const wp_board *board)
{
    return WP_METER != 0 && board->port->sensor != WP_SENSOR_ABSENT;
}

#if !WP_METER
static inline void wp_begin_live(const wp_board *board)
{
    (void)board;
}

static inline void wp_begin_live_again(const wp_board *board)
{
    (void)board;
}

static inline void wp_end_live(const wp_board *board)
{
    (void)board;
}

static inline void wp_send_live_state(const wp_board *board)
{
    (void)board;
}
#endif

#endif
