#include "wp/model.h"

#define SOFTMAX_SHIFT_MAX 47
#define REMAINING_SHIFT_MAX 24

static bool classifier_is_valid(const wp_model *model)
{
    const uint32_t most = WP_MAX_DEVICES;

    if (model->n_devices == 1) {
        return model->device_predict == NULL;
    }
    return model->n_devices != 0 && model->n_devices <= most && model->device_predict != NULL &&
           model->softmax_shift <= SOFTMAX_SHIFT_MAX;
}

wp_status wp_model_check(const wp_model *model)
{
    if (model == NULL || model->abi != WP_MODEL_ABI || model->features_version != WP_FEATURES_VERSION) {
        return WP_ERROR_MODEL;
    }
    if (!classifier_is_valid(model) || model->remaining_predict == NULL ||
        model->remaining_shift > REMAINING_SHIFT_MAX) {
        return WP_ERROR_MODEL;
    }
    return WP_OK;
}
