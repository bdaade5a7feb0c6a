#include "wp/health.h"

#include "health_log.h"

#define LN_UNITS_PER_MAH_Q24 264905389 /* ln(7 200 000): mA x ms / 2 in a mAh */
#define FAR_Q24 272965304          /* 16.27 */
#define AWAY_MAX (1 << 27)         /* of an input: 524 V, or 8 of a logarithm */
#define Z_MAX 4194303              /* 1023 standard deviations: squares of three fit in 64 bits by far */

wp_status wp_health_check(const wp_health_model *model)
{
    bool right = model->abi == WP_HEALTH_VERSION && model->rated_mah > 0 && model->end_ua > 0 &&
                 model->tail_ua > model->end_ua;
    for (uint32_t k = 0; k < 2; k++) {
        right = right && model->family[k].spread_shift[0] <= 62 && model->family[k].spread_shift[1] <= 62;
    }
    return right ? WP_OK : WP_ERROR_MODEL;
}

/* Towards zero: the compilers' shift of a negative number is their own. */
static int64_t shifted(int64_t value, uint32_t shift)
{
    return value / ((int64_t)1 << shift);
}

static void inputs_of(const wp_health_charge *charge, int64_t x[3])
{
    x[0] = ((int64_t)charge->highest_mv - charge->settled_mv) * 256;
    x[1] = (int64_t)wp_health_ln_q24((uint64_t)charge->at_end) - LN_UNITS_PER_MAH_Q24;
    x[2] = (int64_t)wp_health_ln_q24((uint64_t)(charge->at_end - charge->at_tail)) - LN_UNITS_PER_MAH_Q24;
}

static void away_of(const wp_health_family *family, const int64_t x[3], int64_t away[3])
{
    for (uint32_t k = 0; k < 3; k++) {
        away[k] = wp_health_limited(x[k] - family->centre[k], -AWAY_MAX, AWAY_MAX);
    }
}

/* Squared Mahalanobis distance x 2^24. */
static int64_t distance_q24(const wp_health_family *family, const int64_t away[3])
{
    int64_t sum = 0;
    uint32_t at = 0;
    for (uint32_t row = 0; row < 3; row++) {
        int64_t z = 0;
        for (uint32_t k = row; k < 3; k++) {
            z += shifted(family->spread[at] * away[k], family->spread_shift[k > 0 ? 1 : 0]); /* below 2^31 x 2^27 */
            at++;
        }
        z = wp_health_limited(z, -Z_MAX, Z_MAX);
        sum += z * z;
    }
    return sum;
}

static int32_t log_q28(const wp_health_family *family, const int64_t away[3])
{
    /* Each product below 2^58. */
    const int64_t log = family->base_q28 + shifted(family->weight_q28[0] * away[0], 8) +
                        shifted(family->weight_q28[1] * away[1], 24) + shifted(family->weight_q28[2] * away[2], 24);
    return (int32_t)wp_health_limited(log, INT32_MIN, INT32_MAX);
}

wp_health_flag wp_health_read(const wp_health_charge *charge, const wp_health_model *model, int32_t ambient_decidegc,
                              wp_health_reading *reading)
{
    int64_t x[3];
    int64_t away[2][3];
    int64_t distance[2];
    if (charge->crossed != 2 || charge->at_tail <= 0 || charge->at_end <= charge->at_tail) {
        return WP_HEALTH_NO_WHOLE_TAIL;
    }
    if (!wp_health_is_mild(ambient_decidegc)) {
        return WP_HEALTH_TEMPERATURE;
    }
    inputs_of(charge, x);
    for (uint32_t k = 0; k < 2; k++) {
        away_of(&model->family[k], x, away[k]);
        distance[k] = distance_q24(&model->family[k], away[k]);
    }
    const uint8_t nearest = distance[1] < distance[0] ? 1 : 0;
    if (distance[nearest] > FAR_Q24) {
        return WP_HEALTH_OUT_OF_FAMILY;
    }
    const wp_health_family *family = &model->family[nearest];
    *reading = (wp_health_reading){nearest, log_q28(family, away[nearest]), family->unit_var_q32,
                                   family->charge_var_q32, model->step_var_q32};
    return WP_HEALTH_OK;
}
