/* binding.h: the C core as Python calls it: whole charges, plain arrays, no struct. core.py reads its declarations
 * from this very file. */
#ifndef WP_BINDING_H
#define WP_BINDING_H

#include <stddef.h>
#include <stdint.h>

/* Name of a feature, NULL beyond the last. */
const char *wp_binding_feature_name(uint32_t index);

uint32_t wp_binding_features_version(void);
uint32_t wp_binding_state_bytes(void);

/* Feeds one charge of n samples and writes its state after the samples in rows.
 *
 *   rows        [n_rows], ascending strictly, below n
 *   x           [n_rows][features]
 *   state_crc   [n_rows]
 *   phase       [n_rows]
 *   states      [n_rows][state bytes], or NULL
 *
 * Returns n, or the index of the sample that was refused. */
size_t wp_binding_extract(size_t n, const uint32_t *t_ms, const int32_t *voltage_mv, const int32_t *current_ma,
                          size_t n_rows, const int64_t *rows, int32_t *x, uint32_t *state_crc, uint8_t *phase,
                          uint8_t *states);

/* The numbers of a model's post-processing.
 *
 *   numbers     [11]: devices, softmax multiplier, softmax shift, unknown below permille, remaining shift, outputs of
 *               the duration, with a baseline, smoothing in s, intervals, features of prototypes (0: none), unfamiliar
 *               above
 *   history     [devices][3]
 *   baseline    [devices][17]: step and what was left
 *   interval    [intervals][3]
 *   feature, shift, first, centre, weight   as in wp_prototypes */
typedef struct wp_binding_rules {
    const uint32_t *numbers;
    const int32_t *history;
    const uint32_t *baseline;
    const int64_t *interval;
    const uint8_t *feature;
    const uint8_t *shift;
    const uint16_t *first;
    const int16_t *centre;
    const uint16_t *weight;
} wp_binding_rules;

/* These return 0, or the status of a model the core refuses. n rows:
 *
 *   x            [n][features]
 *   margin       [n][devices], not read with one device
 *   elapsed_ms, phase, device, confidence_permille, flags, unfamiliarity   [n]
 *   history_x    [n][3]
 *   quantile     [n][3]
 *   remaining_s  [n][3], of one charge from its beginning */
int32_t wp_binding_device(const wp_binding_rules *rules, size_t n, const int32_t *x, const int32_t *margin,
                          const uint32_t *elapsed_ms, const uint8_t *phase, uint8_t *device,
                          uint16_t *confidence_permille, uint8_t *flags, uint32_t *unfamiliarity);
int32_t wp_binding_history(const wp_binding_rules *rules, size_t n, const int32_t *x, const uint8_t *device,
                           int32_t *history_x);
int32_t wp_binding_remaining(const wp_binding_rules *rules, size_t n, const uint32_t *elapsed_ms,
                             const uint8_t *phase, const uint8_t *device, const int32_t *quantile,
                             int32_t *remaining_s);

/* Input bytes of a network for n rows of features.
 *
 *   inputs  [n_inputs][4]: feature, offset, multiplier, shift
 *   x       [n][features]
 *   out     [n][n_inputs] */
void wp_binding_encode(size_t n, size_t n_inputs, const int32_t *inputs, const int32_t *x, int8_t *out);

#endif
