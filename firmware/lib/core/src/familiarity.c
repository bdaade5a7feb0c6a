#include "fixed_point.h"
#include "wp/charge.h"

#define DISTANCE_MAX 80u /* five standard deviations, in sixteenths: one strange feature is not all */

/* A feature as the prototypes have it, within +-WP_FEATURE_MAX as all features are. */
static int32_t shortened(int32_t x, uint8_t shift)
{
    const int32_t seen = x == WP_MISSING ? 0 : saturate(x);
    const int32_t value = (int32_t)(magnitude(seen) >> shift);
    return seen < 0 ? -value : value;
}

/* Distance of one feature in sixteenths of a standard deviation, squared: at most 6400. The product of two 16 bit
 * numbers fits 32. */
static uint32_t square_of(uint32_t difference, uint32_t weight)
{
    const uint32_t distance = ((difference < 65535u ? difference : 65535u) * weight) >> 12;
    return distance < DISTANCE_MAX ? distance * distance : DISTANCE_MAX * DISTANCE_MAX;
}

uint32_t wp_unfamiliarity(const wp_model *model, uint8_t device, const int32_t x[WP_N_FEATURES])
{
    const wp_prototypes *prototypes = model->prototypes;
    uint32_t least = 0;

    if (prototypes == NULL) {
        return 0;
    }
    const size_t n = prototypes->n_features;
    const uint16_t *weight = &prototypes->weight[(size_t)device * n];
    for (size_t p = prototypes->first[device]; p < prototypes->first[device + 1u]; p++) {
        uint32_t sum = 0;
        for (size_t k = 0; k < n; k++) {
            const int32_t value = shortened(x[prototypes->feature[k]], prototypes->shift[k]);
            sum += square_of(magnitude(value - prototypes->centre[p * n + k]), weight[k]);
        }
        if (p == prototypes->first[device] || sum < least) {
            least = sum;
        }
    }
    return least;
}
