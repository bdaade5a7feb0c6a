/* wp/charge.h: the whole answer in two calls: begin a charge, then feed it samples.
 *
 *     static wp_charge charge;
 *     wp_answer answer;
 *     if (wp_charge_init(&charge, &wp_model_generated) != WP_OK) { ... }
 *     if (wp_charge_update(&charge, &sample, &answer) == WP_OK) { show(answer.remaining_s[1]); }
 */
#ifndef WP_CHARGE_H
#define WP_CHARGE_H

#include "wp/estimate.h"

#define WP_REMAINING_MAX_S WP_FEATURE_MAX

/* Bits of wp_answer.flags; docs/wire.md. */
#define WP_FLAG_UNKNOWN 0x01u     /* not sure, or unlike any charge of that device: "I don't know this one" */
#define WP_FLAG_PHASE_SHIFT 1u    /* bits 1..2: wp_phase */
#define WP_FLAG_NO_DEVICE 0x08u   /* the model has no classifier */

typedef struct wp_answer {
    uint8_t device;               /* index into the artifact's devices: the likeliest, known or not */
    uint16_t confidence_permille; /* 0..1000 */
    int32_t remaining_s[WP_N_QUANTILES]; /* to full, 10/50/90 %, ascending, 0..WP_REMAINING_MAX_S */
    uint8_t flags;
    uint32_t state_crc;           /* CRC-32 of the canonical serialisation after this sample */
} wp_answer;

typedef struct wp_charge {
    wp_features features;
    wp_estimate estimate;
    const wp_model *model;
} wp_charge;

/* Begins a charge. WP_ERROR_MODEL if the core cannot run the model. */
WP_MUST_CHECK wp_status wp_charge_init(wp_charge *charge, const wp_model *model);

/* Takes one sample and answers it. On error neither charge nor answer changes. */
WP_MUST_CHECK wp_status wp_charge_update(wp_charge *charge, const wp_sample *sample, wp_answer *answer);

/* Whether the charge has come down to a small part of its largest current, so that quiet means rest: wp_live_take. */
bool wp_charge_has_tapered(const wp_charge *charge);

/* The post-processing alone: integer rules of docs/artifact.md. Python's evaluation calls it too.
 *
 * Device, confidence and flags:
 *
 *   x          [WP_N_FEATURES] after this sample
 *   margin     [n_devices] of device_predict; not read when n_devices = 1
 *   elapsed_ms of the state
 *   phase      of the state */
void wp_answer_device(const wp_model *model, const int32_t x[WP_N_FEATURES], const int32_t margin[],
                      uint32_t elapsed_ms, wp_phase phase, wp_answer *answer);

/* The remaining time, by an estimate that has been asked for; FULL answers 0 s. */
void wp_answer_remaining(const wp_model *model, const wp_estimate *estimate, uint32_t elapsed_ms, wp_phase phase,
                         wp_answer *answer);

/* How far a charge lies from those of a device, in 1/256 of squared standard deviations summed over the prototypes'
 * features; 0 without prototypes.
 *
 *   x   [WP_N_FEATURES] */
uint32_t wp_unfamiliarity(const wp_model *model, uint8_t device, const int32_t x[WP_N_FEATURES]);

#endif
