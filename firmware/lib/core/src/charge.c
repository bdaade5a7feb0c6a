#include "wp/charge.h"

#include "wp/crc32.h"

wp_status wp_charge_init(wp_charge *charge, const wp_model *model)
{
    const wp_status status = wp_model_check(model);

    if (status == WP_OK) {
        wp_features_init(&charge->features);
        charge->model = model;
    }
    return status;
}

wp_status wp_charge_update(wp_charge *charge, const wp_sample *sample, wp_answer *answer)
{
    const wp_model *model = charge->model;
    const wp_status status = wp_features_update(&charge->features, sample);
    int32_t x[WP_N_FEATURES];
    int32_t margin[WP_MAX_DEVICES] = {0};
    int32_t quantile[WP_N_QUANTILES];
    uint8_t bytes[WP_STATE_BYTES];

    if (status != WP_OK) {
        return status;
    }
    wp_features_read(&charge->features, x);
    if (model->n_devices > 1) {
        model->device_predict(x, margin);
    }
    model->remaining_predict(x, quantile);
    wp_answer_from_outputs(model, margin, quantile, (wp_phase)charge->features.phase, answer);
    wp_features_serialise(&charge->features, bytes);
    answer->state_crc = wp_crc32(0, bytes, sizeof bytes);
    return WP_OK;
}
