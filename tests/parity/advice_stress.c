/* Random and extreme inputs for wp/advice.h; built with sanitizers, which end the program at the first wrong operation. */
#include <stdio.h>
#include <stdlib.h>

#include "wp/advice.h"

static uint64_t seed = 88172645463325252u;

static uint32_t next(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 16);
}

static int32_t value(void)
{
    static const int32_t edges[] = {INT32_MIN, INT32_MAX, -1, 0, 1, 604800, 604801, 524287};
    const uint32_t kind = next() % 4;
    return kind == 0 ? edges[next() % 8] : kind == 1 ? (int32_t)next() : (int32_t)(next() % 30000);
}

static int32_t between(int32_t lowest, int32_t highest)
{
    return next() % 3 == 0 ? (next() % 2 == 0 ? lowest : highest)
                           : lowest + (int32_t)(next() % ((uint32_t)(highest - lowest) + 1u));
}

static int n_told;

static void tell(void *context, bool on, int32_t limit_ma)
{
    const wp_advice_settings *settings = context;
    (void)on;
    n_told++;
    if (limit_ma < settings->least_ma || limit_ma > settings->most_ma) {
        abort();
    }
}

int main(void)
{
    for (int charge = 0; charge < 20000; charge++) {
        wp_advice_settings settings = {.wishes = (uint8_t)(next() % 8), .to_target = next() % 2 == 0};
        wp_advice_state state;
        wp_advice advice;
        uint32_t now_s = next();
        settings.least_ma = between(1, WP_CURRENT_MAX_MA);
        settings.most_ma = between(settings.least_ma, WP_CURRENT_MAX_MA);
        settings.step_ma = between(1, 10000);
        settings.observe_s = between(0, WP_ADVICE_MAX_S);
        settings.margin_s = between(0, WP_ADVICE_MAX_S);
        settings.on_s = between(60, WP_ADVICE_MAX_S);
        settings.off_s = between(60, WP_ADVICE_MAX_S);
        settings.change_s = between(60, WP_ADVICE_MAX_S);
        settings.confirm_s = between(0, WP_ADVICE_MAX_S);
        settings.enable = tell;
        settings.context = &settings;
        if (wp_advice_check(&settings) != WP_OK) {
            abort();
        }
        wp_advice_begin(&state, &settings, now_s);
        for (int k = 0; k < 30; k++) {
            const wp_advice_input input = {
                next() % 4 != 0, value(), {value(), value(), value()}, {value(), value(), value()}};
            now_s += next() % 2 == 0 ? next() % 4000 : next();
            if (next() % 5 == 0) {
                wp_advice_ready_by(&state, now_s, value());
            }
            wp_advice_update(&state, now_s, &input, &advice);
            if (advice.start_in_s < -1 || advice.start_in_s > WP_ADVICE_MAX_S || advice.limit_ma < settings.least_ma ||
                advice.limit_ma > settings.most_ma || advice.ready_in_s[2] < -1 ||
                advice.ready_in_s[2] > 2 * WP_ADVICE_MAX_S) {
                abort();
            }
        }
        wp_advice_end(&state);
    }
    return n_told > 1000 ? 0 : 1;
}
