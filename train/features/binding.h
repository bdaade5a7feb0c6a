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

/* Post-processes n rows of model outputs.
 *
 *   rules        [5]: devices, softmax multiplier, softmax shift, unknown below permille, remaining shift
 *   offset_s     [3]
 *   margin       [n][devices], not read with one device
 *   quantile     [n][3]
 *   phase        [n]
 *   device, confidence_permille, flags   [n]
 *   remaining_s  [n][3]
 *
 * Returns 0, or the status of a model the core refuses. */
int32_t wp_binding_answers(size_t n, const uint32_t *rules, const int32_t *offset_s, const int32_t *margin,
                           const int32_t *quantile, const uint8_t *phase, uint8_t *device,
                           uint16_t *confidence_permille, int32_t *remaining_s, uint8_t *flags);

/* Input bytes of a network for n rows of features.
 *
 *   inputs  [n_inputs][4]: feature, offset, multiplier, shift
 *   x       [n][features]
 *   out     [n][n_inputs] */
void wp_binding_encode(size_t n, size_t n_inputs, const int32_t *inputs, const int32_t *x, int8_t *out);

#endif
