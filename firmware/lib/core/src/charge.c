#include "wp/charge.h"

#include <string.h>

#include "features_private.h"
#include "wp/crc32.h"
#include "wp/network.h"

/* A function whose arrays are to leave the stack with it: inlined, they would lie beside the others. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_OWN_FRAME __attribute__((noinline))
#else
#define WP_OWN_FRAME
#endif

/* Tapered: the mean of a minute is a third of its largest or less. Chargers end at a fifth to a twentieth; of 179
 * simulated charges that a charger ended, all were told "full" in time, while a fourth missed one. */
#define TAPERED 3

wp_status wp_charge_init(wp_charge *charge, const wp_model *model)
{
    const wp_status status = wp_model_check(model);

    if (status == WP_OK) {
        wp_features_init(&charge->features);
        memset(&charge->estimate, 0, sizeof charge->estimate);
        charge->model = model;
    }
    return status;
}

static WP_OWN_FRAME void answer_features(wp_charge *charge, wp_answer *answer)
{
    const wp_model *model = charge->model;
    const uint32_t elapsed_ms = charge->features.elapsed_ms;
    const wp_phase phase = (wp_phase)charge->features.phase;
    int32_t x[WP_N_REMAINING_FEATURES];
    int32_t margin[WP_MAX_DEVICES] = {0};
    int32_t quantile[WP_N_QUANTILES];

    wp_features_read(&charge->features, x);
    if (model->network != NULL) {
        model->network->predict(model->network, &charge->features, x, margin, quantile);
    } else if (model->n_devices > 1) {
        model->device_predict(x, margin);
    }
    wp_answer_device(model, x, margin, elapsed_ms, phase, answer);
    if (wp_estimate_is_due(model, &charge->estimate, elapsed_ms, phase)) {
        if (model->network == NULL) {
            wp_history_read(model, answer->device, x);
            model->remaining_predict(x, quantile);
        }
        wp_estimate_update(model, &charge->estimate, answer->device, elapsed_ms, quantile);
    }
    wp_answer_remaining(model, &charge->estimate, elapsed_ms, phase, answer);
}

static WP_OWN_FRAME uint32_t state_crc(const wp_features *state)
{
    uint8_t bytes[WP_STATE_BYTES];

    wp_features_serialise(state, bytes);
    return wp_crc32(0, bytes, sizeof bytes);
}

wp_status wp_charge_update(wp_charge *charge, const wp_sample *sample, wp_answer *answer)
{
    const wp_status status = wp_features_update(&charge->features, sample);

    if (status == WP_OK) {
        answer_features(charge, answer);
        answer->state_crc = state_crc(&charge->features);
        if (charge->model->network != NULL) {
            answer->state_crc = charge->model->network->crc(charge->model->network, answer->state_crc);
        }
    }
    return status;
}

bool wp_charge_has_tapered(const wp_charge *charge)
{
    const wp_features *state = &charge->features;
    return mean_current(state, MEAN_60S) <= state->current_mean_max_ma / TAPERED;
}
