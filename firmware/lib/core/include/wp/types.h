/* wp/types.h: the sample, the status codes and the limits every other header shares.
 *
 * Everything is an integer in the unit its name ends with. Nothing here allocates, nothing
 * here is a float: the same bytes come out on every compiler and every core.
 */
#ifndef WP_TYPES_H
#define WP_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whose charges a firmware follows: wp/profile.h. */
#ifndef WP_PROFILE_EV
#define WP_PROFILE_EV 0
#endif

/* Whether a charge point's firmware reads a meter by itself; without, its samples are injected only. */
#ifndef WP_METER
#define WP_METER WP_PROFILE_EV
#endif

/* A feature that is not defined yet. NaN to XGBoost, the node's default direction on the board. */
#define WP_MISSING INT32_MIN

/* Features saturate here, so that float32 holds each of them exactly (24 bits of mantissa). */
#define WP_FEATURE_MAX ((int32_t)16777215)

/* Samples saturate here: 1 048 V and 524 A, beyond any charger this profile measures. */
#define WP_VOLTAGE_MAX_MV ((int32_t)1048575)
#define WP_CURRENT_MAX_MA ((int32_t)524287)

/* Most devices one model can tell apart; sizes the arrays on the stack. */
#ifndef WP_MAX_DEVICES
#define WP_MAX_DEVICES 64
#endif
_Static_assert(WP_MAX_DEVICES >= 1 && WP_MAX_DEVICES <= 255, "a device index is one byte");

/* 0 is success, errors are negative. */
typedef enum wp_status {
    WP_OK = 0,
    WP_ERROR_TIME = -1,  /* t_ms does not lie after the previous sample's */
    WP_ERROR_MODEL = -2, /* the model was generated for another core: run codegen again */
    WP_ERROR_CRC = -3,   /* a line whose CRC-32 does not match */
    WP_ERROR_FIELD = -4, /* a field that is missing, too long, or not a canonical number */
    WP_ERROR_TYPE = -5,  /* a line type this side does not take */
    WP_ERROR_LENGTH = -6, /* a line over WP_LINE_MAX bytes */
    WP_ERROR_PORT = -7   /* a port that leaves out what the core needs: wp/port.h */
} wp_status;

#if defined(__GNUC__) || defined(__clang__)
#define WP_MUST_CHECK __attribute__((warn_unused_result))
#else
#define WP_MUST_CHECK
#endif

/* One measurement at the charger's output. */
typedef struct wp_sample {
    uint32_t t_ms;      /* any origin; wraps after 49 days, differences stay right */
    int32_t voltage_mv; /* saturates at +-WP_VOLTAGE_MAX_MV */
    int32_t current_ma; /* positive into the device; saturates at +-WP_CURRENT_MAX_MA */
} wp_sample;

#endif
