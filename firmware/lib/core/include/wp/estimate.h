/* wp/estimate.h: when a charge will be full, as the model sees it in the course of the charge.
 *
 * The model is asked now and then, and its answers are averaged: the estimate counts down with the clock and moves
 * slowly where the model's steps would let it jump. docs/artifact.md, Estimate.
 */
#ifndef WP_ESTIMATE_H
#define WP_ESTIMATE_H

#include "wp/model.h"

/* State of one charge; all zero is a charge that has not been estimated yet. */
typedef struct wp_estimate {
    bool begun;
    uint32_t asked_ms;               /* elapsed time when the model was last asked */
    int32_t end_q4[WP_N_QUANTILES];  /* elapsed time of full, in 1/16 s, before the interval's correction */
} wp_estimate;

/* Whether the model is to be asked at this sample: at the first, once a second in the first minute and once in ten
 * seconds after it; at each sample without smoothing; not when the charge is FULL. */
bool wp_estimate_is_due(const wp_model *model, const wp_estimate *estimate, uint32_t elapsed_ms, wp_phase phase);

/* Writes the features behind the first WP_N_FEATURES, for the answered device.
 *
 *   x   [WP_N_REMAINING_FEATURES] */
void wp_history_read(const wp_model *model, uint8_t device, int32_t x[WP_N_REMAINING_FEATURES]);

/* Takes the model's outputs.
 *
 *   device      that was answered, below n_devices
 *   elapsed_ms  of the charge, not before asked_ms
 *   quantile    [WP_N_QUANTILES] of remaining_predict */
void wp_estimate_update(const wp_model *model, wp_estimate *estimate, uint8_t device, uint32_t elapsed_ms,
                        const int32_t quantile[WP_N_QUANTILES]);

/* Seconds to full at an elapsed time, before the interval's correction; may be negative.
 *
 *   j   quantile */
int32_t wp_estimate_remaining_s(const wp_estimate *estimate, uint32_t elapsed_ms, size_t j);

#endif
