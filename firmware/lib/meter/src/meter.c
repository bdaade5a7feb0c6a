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
