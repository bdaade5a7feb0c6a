/* wp/vehicle_charge.h: the whole answer at a charge point in two calls: begin a charge, then feed it samples. What
 * wp/charge.h is at a charger's output.
 *
 *     static wp_vehicle_charge charge;
 *     wp_vehicle_answer answer;
 *     if (wp_vehicle_charge_init(&charge, &wp_model_generated) != WP_OK) { ... }
 *     if (wp_vehicle_charge_update(&charge, &sample, &answer) == WP_OK) { show(answer.household.done_s[1]); }
 */
#ifndef WP_VEHICLE_CHARGE_H
#define WP_VEHICLE_CHARGE_H

#include "wp/household.h"

typedef struct wp_vehicle_charge {
    wp_vehicle vehicle;
    wp_household household;
    const wp_household_model *model;
} wp_vehicle_charge;

typedef struct wp_vehicle_answer {
    wp_household_answer household;
    uint32_t state_crc; /* CRC-32 of the canonical serialisation after this sample */
} wp_vehicle_answer;

/* Bytes of a household's canonical serialisation: the fields of wp_household in their order, little-endian, no padding;
 * the three booleans are bits of one byte, the first the lowest. It follows the vehicle's. */
#define WP_HOUSEHOLD_STATE_BYTES 54
_Static_assert(WP_VEHICLE_STATE_BYTES + WP_HOUSEHOLD_STATE_BYTES <= 256, "the state's bound: docs/wire.md");

/* Begins a charge. WP_ERROR_MODEL if this code cannot run the model. */
WP_MUST_CHECK wp_status wp_vehicle_charge_init(wp_vehicle_charge *charge, const wp_household_model *model);

/* Forgets all samples, and what was asked: a charge of the same model begins. */
void wp_vehicle_charge_begin(wp_vehicle_charge *charge);

/* Takes one sample and answers it. On error neither charge nor answer changes. */
WP_MUST_CHECK wp_status wp_vehicle_charge_update(wp_vehicle_charge *charge, const wp_vehicle_sample *sample,
                                                 wp_vehicle_answer *answer);

/* Writes the canonical serialisation of a household's state. */
void wp_household_serialise(const wp_household *state, uint8_t out[WP_HOUSEHOLD_STATE_BYTES]);

#endif
