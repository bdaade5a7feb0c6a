#include "advice_binding.h"

#include "wp/advice.h"

enum { N_INPUTS = 10, N_OUT = 9, N_TOLD = 3 };

void wp_advice_binding_defaults(int32_t settings[11])
{
    const wp_advice_settings defaults = wp_advice_defaults();
    const int32_t values[11] = {defaults.wishes,   defaults.to_target, defaults.least_ma, defaults.most_ma,
                                defaults.step_ma,  defaults.observe_s, defaults.margin_s, defaults.on_s,
                                defaults.off_s,    defaults.change_s,  defaults.confirm_s};
    for (size_t k = 0; k < 11; k++) {
        settings[k] = values[k];
    }
}

static void count(void *context, bool on, int32_t limit_ma)
{
    int32_t *told = *(int32_t **)context;
    told[0]++;
    told[1] = on;
    told[2] = limit_ma;
}

static wp_advice_settings settings_of(const int32_t *values, int32_t **told)
{
    return (wp_advice_settings){.wishes = (uint8_t)values[0],
                                .to_target = values[1] != 0,
                                .least_ma = values[2],
                                .most_ma = values[3],
                                .step_ma = values[4],
                                .observe_s = values[5],
                                .margin_s = values[6],
                                .on_s = values[7],
                                .off_s = values[8],
                                .change_s = values[9],
                                .confirm_s = values[10],
                                .enable = count,
                                .context = told};
}

int32_t wp_advice_binding_run(uint32_t begin_s, const int32_t *settings, size_t n, const int64_t *inputs, int32_t *out,
                              int32_t *told)
{
    wp_advice_state state;
    wp_advice advice;
    const wp_advice_settings chosen = settings_of(settings, &told);
    if (wp_advice_check(&chosen) != WP_OK) {
        return -1;
    }
    wp_advice_begin(&state, &chosen, begin_s);
    for (size_t k = 0; k < n; k++, told += N_TOLD) {
        const int64_t *one = inputs + k * N_INPUTS;
        int32_t *row = out + k * N_OUT;
        const wp_advice_input input = {one[3] != 0,
                                       (int32_t)one[4],
                                       {(int32_t)one[5], (int32_t)one[6], (int32_t)one[7]},
                                       {(int32_t)one[8], (int32_t)one[8], (int32_t)one[9]}};
        if (one[1] != 0) {
            wp_advice_ready_by(&state, (uint32_t)one[0], (int32_t)one[2]);
        }
        wp_advice_update(&state, (uint32_t)one[0], &input, &advice);
        const int32_t values[N_OUT] = {advice.stop,          advice.late,          advice.start_in_s,
                                       advice.limit_ma,      advice.ready_in_s[0], advice.ready_in_s[1],
                                       advice.ready_in_s[2], advice.on,            advice.on_limit_ma};
        for (size_t j = 0; j < N_OUT; j++) {
            row[j] = values[j];
        }
    }
    wp_advice_end(&state);
    return 0;
}
