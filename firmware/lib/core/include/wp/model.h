/* wp/model.h: what a generated model gives the core. codegen writes one `const wp_model wp_model_generated`.
 *
 * docs/artifact.md has the rules by which the numbers here become answers. */
#ifndef WP_MODEL_H
#define WP_MODEL_H

#include "wp/features.h"

/* Raised when this struct or the meaning of a field changes; generated code refuses another. */
#define WP_MODEL_ABI 3

#define WP_MODEL_HASH_BYTES 8
#define WP_N_QUANTILES 3

typedef struct wp_network wp_network; /* wp/network.h */

/* What the remaining time is told beside the features: the charge against those of the answered device that were
 * trained on. They stand behind the others. */
#define WP_HISTORY_FEATURE_LIST(X)                                                                 \
    X(DEVICE_DURATION_S, device_duration_s)                                                        \
    X(CHARGE_OF_DEVICE_PERMILLE, charge_of_device_permille)                                        \
    X(POWER_OF_DEVICE_PERMILLE, power_of_device_permille)

enum wp_history_feature_index {
    WP_HISTORY_FEATURES_FOLLOW = WP_N_FEATURES - 1,
#define WP_FEATURE_ENUMERATOR(upper, lower) WP_FEATURE_##upper,
    WP_HISTORY_FEATURE_LIST(WP_FEATURE_ENUMERATOR)
#undef WP_FEATURE_ENUMERATOR
        WP_N_REMAINING_FEATURES
};

/* A device's charges in training. */
typedef struct wp_history {
    int32_t duration_s; /* median from plug to full, 1..WP_FEATURE_MAX */
    int32_t charge_mah; /* that 95 % of them took at most, 1..WP_FEATURE_MAX */
    int32_t power_mw;   /* median of their largest power, 1..WP_FEATURE_MAX */
} wp_history;

/* Moments at which the median of what was left is kept: multiples of a device's own step. */
#define WP_N_BASELINE 16

typedef struct wp_baseline {
    uint32_t step_s;                       /* 1..WP_FEATURE_MAX / WP_N_BASELINE */
    uint16_t remaining_s[WP_N_BASELINE];   /* median over the charges still running then */
} wp_baseline;

/* Prototypes: how the devices' charges begin. Values are features divided by 2^shift, towards zero; missing is 0. */
#define WP_MAX_PROTOTYPE_FEATURES 24
typedef struct wp_prototypes {
    uint8_t n_features;      /* 1..WP_MAX_PROTOTYPE_FEATURES */
    const uint8_t *feature;  /* [n_features] indices below WP_N_FEATURES */
    const uint8_t *shift;    /* [n_features] 0..24 */
    const uint16_t *first;   /* [n_devices + 1] first prototype of each device; ascending */
    const int16_t *centre;   /* [prototypes][n_features] */
    const uint16_t *weight;  /* [n_devices][n_features]: 65536 / standard deviation */
    uint32_t unfamiliar_above; /* a larger unfamiliarity is answered "unknown" */
} wp_prototypes;

/* What is added to the 10 and 90 % quantiles from a time on. */
typedef struct wp_interval {
    uint32_t from_s; /* 0 in the first; ascending strictly */
    int32_t low_s;
    int32_t high_s;
} wp_interval;

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
    const wp_prototypes *prototypes; /* NULL: only confidence tells what is unknown */

    /* How long. Outputs are the 10, 50 and 90 % quantiles x 2^remaining_shift: in s, or of the device's median
     * duration; with a baseline, what to add to it. */
    void (*remaining_predict)(const int32_t x[WP_N_REMAINING_FEATURES], int32_t quantile[WP_N_QUANTILES]);
    uint8_t remaining_shift; /* 0..24 */
    bool remaining_of_duration;
    const wp_history *history;   /* [n_devices] */
    const wp_baseline *baseline; /* [n_devices], or NULL */
    uint16_t smoothing_s;        /* time constant of the estimate; 0: none */
    uint8_t n_intervals;         /* at least 1 */
    const wp_interval *interval; /* [n_intervals] conformal correction, added before sorting */
} wp_model;

/* Whether this core can run that model. Everything after relies on it. */
WP_MUST_CHECK wp_status wp_model_check(const wp_model *model);

#endif
