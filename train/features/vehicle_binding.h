/* vehicle_binding.h: wp/vehicle.h as Python calls it: whole charges, plain arrays, no struct. vehicle.py reads its
 * declarations from this very file. */
#ifndef WP_VEHICLE_BINDING_H
#define WP_VEHICLE_BINDING_H

#include <stddef.h>
#include <stdint.h>

/* Name of a feature, NULL beyond the last. */
const char *wp_vehicle_binding_name(uint32_t index);

uint32_t wp_vehicle_binding_version(void);

/* Feeds one charge of n samples and writes its features after the samples in rows.
 *
 *   samples     [n][9]: voltage in mV and current in mA of three phases, pilot in dA, energy in Wh, state of charge in %
 *   rows        [n_rows], ascending strictly, below n
 *   x           [n_rows][features]
 *   state_crc   [n_rows]: of the serialised state
 *
 * Returns n, or the index of the sample that was refused. */
size_t wp_vehicle_binding_extract(size_t n, const uint32_t *t_ms, const int32_t *samples, size_t n_rows,
                                  const int64_t *rows, int32_t *x, uint32_t *state_crc);

#endif
