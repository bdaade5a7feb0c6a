#include "wp/meter.h"

#define NOT_TOLD (-1)

bool wp_meter_sample(const wp_meter_reading *reading, uint32_t t_ms, wp_vehicle_sample *sample)
{
    if (reading->status != WP_METER_OK) {
        return false;
    }
    sample->t_ms = t_ms;
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        sample->voltage_mv[k] = reading->voltage_mv[k];
        sample->current_ma[k] = reading->current_ma[k];
    }
    sample->pilot_da = NOT_TOLD;
    sample->energy_wh = reading->energy_wh;
    sample->soc_pct = NOT_TOLD;
    return true;
}

int32_t wp_meter_power_w(const wp_meter_reading *reading)
{
    int32_t power_w = 0;
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        power_w += reading->power_w[k];
    }
    return power_w;
}

/* Powers are 350 kW at most, so that all fits 64 bits by far. */
int32_t wp_meter_power_factor_permille(const wp_meter_reading *reading)
{
    int64_t active_w = 0;
    int64_t apparent_uva = 0; /* mV x mA */
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        const int32_t current_ma = reading->current_ma[k] < 0 ? -reading->current_ma[k] : reading->current_ma[k];
        if (current_ma >= WP_METER_POWER_FACTOR_MIN_MA) {
            active_w += reading->power_w[k];
            apparent_uva += (int64_t)reading->voltage_mv[k] * current_ma;
        }
    }
    if (apparent_uva <= 0) {
        return WP_MISSING;
    }
    const int64_t magnitude_w = active_w < 0 ? -active_w : active_w;
    const int64_t permille = (magnitude_w * 1000000000 + apparent_uva / 2) / apparent_uva;
    const int32_t limited = permille > 1000 ? 1000 : (int32_t)permille;
    return active_w < 0 ? -limited : limited;
}
