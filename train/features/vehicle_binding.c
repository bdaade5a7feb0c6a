#include "vehicle_binding.h"

#include "wp/crc32.h"
#include "wp/vehicle.h"

#define COLUMNS 9u

const char *wp_vehicle_binding_name(uint32_t index)
{
    return wp_vehicle_name(index);
}

uint32_t wp_vehicle_binding_version(void)
{
    return WP_VEHICLE_VERSION;
}

size_t wp_vehicle_binding_extract(size_t n, const uint32_t *t_ms, const int32_t *samples, size_t n_rows,
                                  const int64_t *rows, int32_t *x, uint32_t *state_crc)
{
    uint8_t bytes[WP_VEHICLE_STATE_BYTES];
    wp_vehicle state;
    size_t row = 0;

    wp_vehicle_init(&state);
    for (size_t k = 0; k < n; k++) {
        const int32_t *one = samples + k * COLUMNS;
        const wp_vehicle_sample sample = {
            t_ms[k], {one[0], one[1], one[2]}, {one[3], one[4], one[5]}, one[6], one[7], one[8],
        };
        if (wp_vehicle_update(&state, &sample) != WP_OK) {
            return k;
        }
        if (row < n_rows && rows[row] == (int64_t)k) {
            wp_vehicle_read(&state, x + row * WP_N_VEHICLE_FEATURES);
            wp_vehicle_serialise(&state, bytes);
            state_crc[row] = wp_crc32(0, bytes, sizeof bytes);
            row++;
        }
    }
    return n;
}
