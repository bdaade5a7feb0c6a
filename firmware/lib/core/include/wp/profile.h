/* wp/profile.h: whose charges a firmware follows, and so what a sample, an answer and a model are on its board.
 *
 *   WP_PROFILE_EV 0   what is plugged into a charger's output: wp/charge.h
 *   WP_PROFILE_EV 1   vehicles at a charge point: wp/vehicle_charge.h of lib/vehicle
 *
 * A firmware has one profile, that of its model: tools/pio_sources.py sets it. Nothing of the other is compiled.
 */
#ifndef WP_PROFILE_H
#define WP_PROFILE_H

#include "wp/types.h"

#if WP_PROFILE_EV
/* By macros: what looks for libraries by the headers that are included is not to find these in every firmware. */
#define WP_PROFILE_HEADER "wp/vehicle_charge.h"
#define WP_PROFILE_LIVE_HEADER "wp/vehicle_live.h"
#define WP_PROFILE_METER_HEADER "wp/sdm.h"
#define WP_PROFILE_ADVICE_HEADER "wp/advice.h"
#include WP_PROFILE_HEADER

#if WP_METER
#include WP_PROFILE_LIVE_HEADER
#include WP_PROFILE_METER_HEADER
typedef wp_sdm wp_board_meter; /* what a driver keeps: it shares its place with what injected mode keeps */
#endif

/* Whether advice (docs/advice.md) is in the firmware of a charge point, for what its meter measures. */
#ifndef WP_ADVICE
#define WP_ADVICE WP_METER
#endif
#if WP_ADVICE
#include WP_PROFILE_ADVICE_HEADER
#endif

typedef wp_household_model wp_board_model;
typedef wp_vehicle_charge wp_board_charge;
typedef wp_vehicle_sample wp_board_sample;
typedef wp_vehicle_answer wp_board_answer;
#define wp_board_charge_init wp_vehicle_charge_init
#define wp_board_charge_update wp_vehicle_charge_update
#else
#include "wp/charge.h"

typedef wp_model wp_board_model;
typedef wp_charge wp_board_charge;
typedef wp_sample wp_board_sample;
typedef wp_answer wp_board_answer;
#define wp_board_charge_init wp_charge_init
#define wp_board_charge_update wp_charge_update
#endif

#endif
