#include "wp/model.h"

#define SOFTMAX_SHIFT_MAX 47
#define REMAINING_SHIFT_MAX 24
#define PROTOTYPE_SHIFT_MAX 24
#define STEP_MAX_S ((uint32_t)WP_FEATURE_MAX / WP_N_BASELINE)

/* The functions that fit the number of devices. A network's own check is codegen's: it writes no other. */
static bool functions_are_valid(const wp_model *model)
{
    if (model->network != NULL) {
        return model->device_predict == NULL && model->remaining_predict == NULL && model->remaining_shift == 0;
    }
    return (model->n_devices == 1) == (model->device_predict == NULL) && model->remaining_predict != NULL;
}

static bool within(int32_t value, int32_t most)
{
    return value >= 1 && value <= most;
}

static bool histories_are_valid(const wp_model *model)
{
    if (model->history == NULL) {
        return false;
    }
    for (size_t d = 0; d < model->n_devices; d++) {
        const wp_history *history = &model->history[d];
        if (!within(history->duration_s, WP_FEATURE_MAX) || !within(history->charge_mah, WP_FEATURE_MAX) ||
            !within(history->power_mw, WP_FEATURE_MAX)) {
            return false;
        }
        if (model->baseline != NULL && (model->baseline[d].step_s == 0 || model->baseline[d].step_s > STEP_MAX_S)) {
            return false;
        }
    }
    return true;
}

static bool prototypes_are_valid(const wp_model *model)
{
    const wp_prototypes *prototypes = model->prototypes;

    if (prototypes == NULL) {
        return true;
    }
    if (prototypes->n_features == 0 || prototypes->n_features > WP_MAX_PROTOTYPE_FEATURES ||
        prototypes->feature == NULL || prototypes->shift == NULL || prototypes->first == NULL ||
        prototypes->centre == NULL || prototypes->weight == NULL) {
        return false;
    }
    for (size_t k = 0; k < prototypes->n_features; k++) {
        if (prototypes->feature[k] >= WP_N_FEATURES || prototypes->shift[k] > PROTOTYPE_SHIFT_MAX) {
            return false;
        }
    }
    return true;
}

static bool intervals_are_valid(const wp_model *model)
{
    if (model->interval == NULL || model->n_intervals == 0 || model->interval[0].from_s != 0) {
        return false;
    }
    for (size_t k = 1; k < model->n_intervals; k++) {
        if (model->interval[k].from_s <= model->interval[k - 1u].from_s) {
            return false;
        }
    }
    return true;
}

wp_status wp_model_check(const wp_model *model)
{
    const uint32_t most = WP_MAX_DEVICES;

    if (model == NULL || model->abi != WP_MODEL_ABI || model->features_version != WP_FEATURES_VERSION) {
        return WP_ERROR_MODEL;
    }
    if (model->n_devices == 0 || model->n_devices > most || model->softmax_shift > SOFTMAX_SHIFT_MAX ||
        model->remaining_shift > REMAINING_SHIFT_MAX || !functions_are_valid(model) || !histories_are_valid(model) ||
        !prototypes_are_valid(model) || !intervals_are_valid(model)) {
        return WP_ERROR_MODEL;
    }
    return WP_OK;
}
