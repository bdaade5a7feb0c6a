#include "wp/vehicle_charge.h"

#include "wp/crc32.h"

/* A function whose arrays are to leave the stack with it: inlined, they would lie beside the others. */
#if defined(__GNUC__) || defined(__clang__)
#define WP_OWN_FRAME __attribute__((noinline))
#else
#define WP_OWN_FRAME
#endif

wp_status wp_vehicle_charge_init(wp_vehicle_charge *charge, const wp_household_model *model)
{
    const wp_status status = wp_household_check(model);

    if (status == WP_OK) {
        charge->model = model;
        wp_vehicle_charge_begin(charge);
    }
    return status;
}

void wp_vehicle_charge_begin(wp_vehicle_charge *charge)
{
    wp_vehicle_init(&charge->vehicle);
    wp_household_init(&charge->household, charge->model);
}

static WP_OWN_FRAME void answer_features(wp_vehicle_charge *charge, wp_household_answer *answer)
{
    int32_t x[WP_N_VEHICLE_FEATURES];

    wp_vehicle_read(&charge->vehicle, x);
    wp_household_update(&charge->household, charge->model, x, answer);
}

static WP_OWN_FRAME uint32_t vehicle_crc(const wp_vehicle *state)
{
    uint8_t bytes[WP_VEHICLE_STATE_BYTES];

    wp_vehicle_serialise(state, bytes);
    return wp_crc32(0, bytes, sizeof bytes);
}

static WP_OWN_FRAME uint32_t household_crc(uint32_t crc, const wp_household *state)
{
    uint8_t bytes[WP_HOUSEHOLD_STATE_BYTES];

    wp_household_serialise(state, bytes);
    return wp_crc32(crc, bytes, sizeof bytes);
}

wp_status wp_vehicle_charge_update(wp_vehicle_charge *charge, const wp_vehicle_sample *sample, wp_vehicle_answer *answer)
{
    const wp_status status = wp_vehicle_update(&charge->vehicle, sample);

    if (status == WP_OK) {
        answer_features(charge, &answer->household);
        answer->state_crc = household_crc(vehicle_crc(&charge->vehicle), &charge->household);
    }
    return status;
}
