#include "wp/model.h"

#define SOFTMAX_SHIFT_MAX 47
#define REMAINING_SHIFT_MAX 24

/* The functions that fit the number of devices. A network's own check is codegen's: it writes no other. */
static bool functions_are_valid(const wp_model *model)
{
    if (model->network != NULL) {
        return model->device_predict == NULL && model->remaining_predict == NULL && model->remaining_shift == 0;
    }
    return (model->n_devices == 1) == (model->device_predict == NULL) && model->remaining_predict != NULL;
}

wp_status wp_model_check(const wp_model *model)
{
    const uint32_t most = WP_MAX_DEVICES;

    if (model == NULL || model->abi != WP_MODEL_ABI || model->features_version != WP_FEATURES_VERSION) {
        return WP_ERROR_MODEL;
    }
    if (model->n_devices == 0 || model->n_devices > most || model->softmax_shift > SOFTMAX_SHIFT_MAX ||
        model->remaining_shift > REMAINING_SHIFT_MAX || !functions_are_valid(model)) {
        return WP_ERROR_MODEL;
    }
    return WP_OK;
}
