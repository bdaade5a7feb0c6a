/* vehicle_stress.c: random and extreme samples through wp/vehicle.h under the sanitizers; exit code 0, or 1 with the check
 * that failed. */
#include <stdio.h>
#include <string.h>

#include "wp/vehicle.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            return 1;                                                                              \
        }                                                                                          \
    } while (0)

#define CHARGES 3000
#define SAMPLES_A_CHARGE 300

static uint64_t random_state = 88172645463325252u;

/* xorshift64: the same numbers on every machine. */
static uint32_t draw(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 32);
}

/* Mostly what a meter may say, now and then anything. */
static int32_t value(uint32_t below)
{
    const uint32_t drawn = draw();
    return drawn % 8u != 0u ? (int32_t)(draw() % below) : (int32_t)((int64_t)drawn - 0x80000000LL);
}

int main(void)
{
    for (int charge = 0; charge < CHARGES; charge++) {
        wp_vehicle state;
        uint32_t t_ms = draw();
        wp_vehicle_init(&state);
        for (int k = 0; k < SAMPLES_A_CHARGE; k++) {
            const wp_vehicle_sample sample = {t_ms,
                                              {value(250000u), value(250000u), value(250000u)},
                                              {(int32_t)(draw() % 3u) * 8000, (int32_t)(draw() % 3u) * 8000, value(40000u)},
                                              value(400u),
                                              value(90000u),
                                              value(110u)};
            const wp_vehicle before = state;
            int32_t x[WP_N_VEHICLE_FEATURES];
            if (wp_vehicle_update(&state, &sample) != WP_OK) {
                CHECK(memcmp(&before, &state, sizeof state) == 0);
            }
            wp_vehicle_read(&state, x);
            for (int f = 0; f < WP_N_VEHICLE_FEATURES; f++) {
                CHECK(x[f] == WP_MISSING || (x[f] <= WP_FEATURE_MAX && x[f] >= -WP_FEATURE_MAX));
            }
            t_ms += draw() % 5u != 0u ? draw() % 60000u : draw();
        }
    }
    return 0;
}
