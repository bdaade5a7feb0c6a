/* wp/model.h: what a generated model gives the core. codegen writes one `const wp_model wp_model_generated`. */
#ifndef WP_MODEL_H
#define WP_MODEL_H

#include "wp/features.h"

/* Raised when this struct or the meaning of a field changes; generated code refuses another. */
#define WP_MODEL_ABI 2

#define WP_MODEL_HASH_BYTES 8
#define WP_N_QUANTILES 3

typedef struct wp_network wp_network; /* wp/network.h */

typedef struct wp_model {
    uint16_t abi;              /* WP_MODEL_ABI */
    uint16_t features_version; /* WP_FEATURES_VERSION the model was trained with */
    uint8_t hash[WP_MODEL_HASH_BYTES]; /* of the artifact; the Hello carries it */

    /* A network gives the outputs of both functions below, which are then NULL. NULL: a forest. */
    const wp_network *network;

    /* Which device. n_devices = 1: no classifier, device_predict is NULL. */
    uint8_t n_devices;
    void (*device_predict)(const int32_t x[WP_N_FEATURES], int32_t margin[]);
    uint32_t softmax_multiplier; /* (margin difference x multiplier) >> shift = log2 ratio / 1024 */
    uint8_t softmax_shift;       /* 0..47 */
    uint16_t unknown_below_permille; /* a lower confidence is answered "unknown" */

    /* How long. Outputs are the 10, 50 and 90 % quantiles in s x 2^remaining_shift. */
    void (*remaining_predict)(const int32_t x[WP_N_FEATURES], int32_t quantile[WP_N_QUANTILES]);
    uint8_t remaining_shift; /* 0..24 */
    int32_t remaining_offset_s[WP_N_QUANTILES]; /* conformal correction, added before sorting */
} wp_model;

/* Whether this core can run that model. Everything after relies on it. */
WP_MUST_CHECK wp_status wp_model_check(const wp_model *model);

#endif
