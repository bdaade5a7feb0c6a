/* wp/network.h: a network as the core runs it: int8 in, int8 out, and what it remembers of a charge.
 *
 * The compiled graph knows bytes alone. Around it the core scales features to its inputs, keeps its memory (a window of
 * past rows, or a recurrent state) by the clock, and turns its outputs into those of wp/model.h: docs/artifact.md has
 * the integer rules. All memory is the caller's; codegen writes one `const wp_network` and memory for one charge.
 */
#ifndef WP_CORE_NETWORK_H
#define WP_CORE_NETWORK_H

#include "wp/model.h"

#define WP_NETWORK_MISSING INT8_MIN /* an input whose feature is not defined yet; a row not yet seen */

/* One input byte: a piece of a feature's range, from offset on, stretched to -127 .. 127. */
typedef struct wp_network_input {
    int32_t offset;     /* +-WP_FEATURE_MAX: below lies -127 */
    uint8_t multiplier; /* 1..127 */
    uint8_t shift;      /* 0..31: (x - offset) x multiplier / 2^shift is 254 where the piece ends */
    uint8_t feature;    /* index into the features */
} wp_network_input;

/* What changes from sample to sample. ticks and the bytes kept are in the state CRC; the rest is scratch. */
typedef struct wp_network_memory {
    uint32_t ticks; /* begun when the bytes kept were last written: 1 and more after a charge's first sample */
    int8_t *input;  /* [input bytes] of the graph; the bytes kept lie among them */
    int8_t *output; /* [output bytes] */
    void *arena;    /* the graph's own */
} wp_network_memory;

struct wp_network {
    /* wp_network_predict and wp_network_crc. Pointers, so that a forest's firmware links neither. */
    void (*predict)(const wp_network *network, const wp_features *state, const int32_t x[WP_N_FEATURES],
                    int32_t margin[], int32_t quantile[WP_N_QUANTILES]);
    uint32_t (*crc)(const wp_network *network, uint32_t crc);

    /* The compiled graph. */
    void (*reset)(void *arena);
    void (*invoke)(const int8_t input[], int8_t output[], void *arena);
    wp_network_memory *memory;

    /* Input bytes; positions count from the first. A window's latest row follows the rows kept. */
    const wp_network_input *inputs; /* [n_inputs + n_row] */
    uint16_t inputs_at;
    uint8_t n_inputs;
    uint8_t n_row;    /* bytes of a row of the window; 0 without a window */
    uint16_t kept_at;
    uint8_t n_kept;   /* a window's rows but the latest, oldest first; or a recurrent state */
    int8_t kept_zero; /* what they are as a charge begins */
    uint32_t tick_ms; /* how often they are written, 2 and more: the ticks of a saturated clock fit 32 bits */

    /* Output bytes. */
    uint16_t margins_at;
    uint16_t roots_at;
    uint16_t next_at; /* the recurrent state after this sample; not read without one */
    uint8_t n_margins;
    int8_t margin_zero;
    uint32_t margin_multiplier; /* below 2^22: margin = (output - zero) x multiplier */
    uint32_t root_multiplier;   /* remaining s = (output - zero)^2 x multiplier / 2^shift to nearest, 0 below zero */
    uint8_t root_shift;         /* 1..47 */
    int8_t root_zero;
};

/* The input bytes, out[n], of features x: each -127 .. 127, or WP_NETWORK_MISSING. */
void wp_network_encode(const wp_network_input inputs[], size_t n, const int32_t x[WP_N_FEATURES], int8_t out[]);

/* Outputs after the latest sample, and the memory that the next one finds.
 *
 *   state     after at least one sample; its first begins the charge
 *   x         its features
 *   margin    [n_margins], quantile in whole seconds: as wp_model's functions leave them */
void wp_network_predict(const wp_network *network, const wp_features *state, const int32_t x[WP_N_FEATURES],
                        int32_t margin[], int32_t quantile[WP_N_QUANTILES]);

/* Continues a CRC over ticks (little-endian) and the bytes kept. */
uint32_t wp_network_crc(const wp_network *network, uint32_t crc);

#endif
