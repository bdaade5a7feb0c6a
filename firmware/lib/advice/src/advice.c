#include "wp/advice.h"

#include <string.h>

#define MINUTE_S 60

static int32_t limited(int32_t value, int32_t lowest, int32_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

static bool within(int32_t value, int32_t lowest, int32_t highest)
{
    return value >= lowest && value <= highest;
}

wp_advice_settings wp_advice_defaults(void)
{
    return (wp_advice_settings){.least_ma = 6000,
                                .most_ma = 16000,
                                .step_ma = 1000,
                                .observe_s = 5 * MINUTE_S,
                                .margin_s = 15 * MINUTE_S,
                                .on_s = 10 * MINUTE_S,
                                .off_s = 10 * MINUTE_S,
                                .change_s = 10 * MINUTE_S,
                                .confirm_s = MINUTE_S};
}

wp_status wp_advice_check(const wp_advice_settings *settings)
{
    const bool right = settings->wishes <= (WP_ADVICE_STOP | WP_ADVICE_LATER | WP_ADVICE_SLOWLY) &&
                       within(settings->least_ma, 1, WP_CURRENT_MAX_MA) &&
                       within(settings->most_ma, settings->least_ma, WP_CURRENT_MAX_MA) &&
                       within(settings->step_ma, 1, 10000) && within(settings->observe_s, 0, WP_ADVICE_MAX_S) &&
                       within(settings->margin_s, 0, WP_ADVICE_MAX_S) &&
                       within(settings->on_s, MINUTE_S, WP_ADVICE_MAX_S) &&
                       within(settings->off_s, MINUTE_S, WP_ADVICE_MAX_S) &&
                       within(settings->change_s, MINUTE_S, WP_ADVICE_MAX_S) &&
                       within(settings->confirm_s, 0, WP_ADVICE_MAX_S);
    return right ? WP_OK : WP_ERROR_FIELD;
}

void wp_advice_begin(wp_advice_state *state, const wp_advice_settings *settings, uint32_t now_s)
{
    memset(state, 0, sizeof *state);
    state->settings = *settings;
    state->on = true;
    state->switched_s = now_s;
    state->changed_s = now_s;
    state->limit_ma = settings->most_ma;
}

static void tell(const wp_advice_state *state)
{
    if (state->settings.enable != NULL) {
        state->settings.enable(state->settings.context, state->on, state->limit_ma);
    }
}

void wp_advice_end(wp_advice_state *state)
{
    if (!state->on || state->limit_ma != state->settings.most_ma) {
        state->on = true;
        state->limit_ma = state->settings.most_ma;
        tell(state);
    }
}

void wp_advice_ready_by(wp_advice_state *state, uint32_t now_s, int32_t in_s)
{
    state->asked = in_s >= 0;
    state->ready_s = now_s + (uint32_t)limited(in_s, 0, WP_ADVICE_MAX_S);
    state->waiting = false;
    state->waited = false;
    state->lowered = false;
    state->stopped = false;
    state->reaching = false;
}

/* How long ago; a time that lies ahead counts as now. */
static int32_t since(uint32_t now_s, uint32_t then_s)
{
    const uint32_t ago_s = now_s - then_s;
    return ago_s >= 0x80000000u ? 0 : ago_s > WP_ADVICE_MAX_S ? WP_ADVICE_MAX_S : (int32_t)ago_s;
}

/* What current flows, and what is estimated while it does; otherwise the latest holds. */
static void look(wp_advice_state *state, uint32_t now_s, const wp_advice_input *input)
{
    const int32_t *goal_s = state->settings.to_target ? input->target_s : input->full_s;
    if (!input->drawing) {
        return;
    }
    if (!state->drawn) {
        state->drawn = true;
        state->drawn_s = now_s;
    }
    if (goal_s[0] >= 0 && goal_s[1] >= 0 && goal_s[2] >= 0) {
        state->estimated = true;
        state->needed_ma = limited(input->current_ma, 1, WP_CURRENT_MAX_MA);
        for (size_t j = 0; j < 3; j++) {
            state->needed_s[j] = limited(goal_s[j], 0, WP_ADVICE_MAX_S);
        }
    }
    if (input->target_s[1] != 0) {
        state->reaching = false;
    } else if (!state->reaching) {
        state->reaching = true;
        state->reached_s = now_s;
    }
    if (state->reaching && since(now_s, state->reached_s) >= state->settings.confirm_s) {
        state->stopped = true;
    }
}

/* Up, of two that are not negative; divisor > 0. The quotient is limited to 32 bits. */
static int32_t divide_up(int64_t numerator, int32_t divisor)
{
    const uint64_t quotient = ((uint64_t)numerator + (uint32_t)divisor - 1u) / (uint32_t)divisor;
    return quotient > (uint64_t)INT32_MAX ? INT32_MAX : (int32_t)quotient;
}

/* The lowest current with which 90 % of such charges are ready in so many seconds. The end of a charge, where the battery
 * takes less than it is offered, does not become longer with less: time x current stays below what is said here. */
static int32_t lowest_ma(const wp_advice_state *state, int32_t available_s)
{
    const wp_advice_settings *settings = &state->settings;
    if (available_s <= 0) {
        return settings->most_ma;
    }
    const int32_t exact_ma = divide_up((int64_t)state->needed_s[2] * state->needed_ma, available_s);
    const int32_t steps = divide_up(exact_ma, settings->step_ma);
    const int64_t rounded_ma = (int64_t)steps * settings->step_ma;
    return limited(rounded_ma > settings->most_ma ? settings->most_ma : (int32_t)rounded_ma, settings->least_ma,
                   settings->most_ma);
}

static void propose(const wp_advice_state *state, uint32_t now_s, wp_advice *advice)
{
    const int32_t left_s = since(state->ready_s, now_s);
    const int32_t available_s = left_s - state->settings.margin_s;
    const int32_t needed_s = state->needed_s[2];
    advice->stop = state->stopped;
    advice->late = false;
    advice->start_in_s = WP_ADVICE_NOT_KNOWN;
    advice->limit_ma = state->settings.most_ma;
    if (!state->asked || !state->estimated) {
        return;
    }
    advice->late = state->needed_ma < state->settings.most_ma
                       ? (int64_t)needed_s * state->needed_ma > (int64_t)left_s * state->settings.most_ma
                       : needed_s > left_s;
    advice->start_in_s = available_s > needed_s ? available_s - needed_s : 0;
    advice->limit_ma = lowest_ma(state, available_s);
}

/* How long it may wait: where it is to charge slowly, the lowest current comes first, and waiting for what is left. */
static int32_t may_wait_s(const wp_advice_state *state, const wp_advice *advice)
{
    const wp_advice_settings *settings = &state->settings;
    if (advice->start_in_s <= 0 || (settings->wishes & WP_ADVICE_SLOWLY) == 0 ||
        state->needed_ma <= settings->least_ma) {
        return advice->start_in_s;
    }
    const int32_t slow_s = divide_up((int64_t)state->needed_s[2] * state->needed_ma, settings->least_ma);
    const int32_t longer_s = slow_s - state->needed_s[2]; /* both at least 0 */
    return advice->start_in_s > longer_s ? advice->start_in_s - longer_s : 0;
}

/* Whether to charge now, by the wishes alone. */
static bool wants_on(wp_advice_state *state, uint32_t now_s, const wp_advice *advice)
{
    const wp_advice_settings *settings = &state->settings;
    const bool observed = state->drawn && since(now_s, state->drawn_s) >= settings->observe_s;
    const int32_t wait_s = may_wait_s(state, advice);
    if ((settings->wishes & WP_ADVICE_STOP) != 0 && state->stopped) {
        return false;
    }
    if (state->waiting) {
        if (wait_s > 0) {
            return false;
        }
        state->waiting = false;
        state->waited = true;
    } else if ((settings->wishes & WP_ADVICE_LATER) != 0 && observed && !state->waited &&
               since(now_s, state->switched_s) >= settings->on_s && wait_s >= settings->off_s) {
        state->waiting = true;
        return false;
    }
    return true;
}

static void apply(wp_advice_state *state, uint32_t now_s, const wp_advice *advice)
{
    const wp_advice_settings *settings = &state->settings;
    const bool on = wants_on(state, now_s, advice);
    const bool observed = state->drawn && since(now_s, state->drawn_s) >= settings->observe_s;
    const bool slowly = (settings->wishes & WP_ADVICE_SLOWLY) != 0 && observed;
    const int32_t limit_ma = slowly ? advice->limit_ma : settings->most_ma;
    bool changes = false;
    if (on != state->on && since(now_s, state->switched_s) >= (state->on ? settings->on_s : settings->off_s)) {
        state->on = on;
        state->switched_s = now_s;
        changes = true;
    }
    if (limit_ma != state->limit_ma && (limit_ma > state->limit_ma || !state->lowered) &&
        since(now_s, state->changed_s) >= settings->change_s) {
        state->lowered = state->lowered || limit_ma < state->limit_ma;
        state->limit_ma = limit_ma;
        state->changed_s = now_s;
        changes = true;
    }
    if (changes) {
        tell(state);
    }
}

void wp_advice_update(wp_advice_state *state, uint32_t now_s, const wp_advice_input *input, wp_advice *advice)
{
    look(state, now_s, input);
    propose(state, now_s, advice);
    apply(state, now_s, advice);
    const int32_t wait_s = state->waiting && advice->start_in_s > 0 ? may_wait_s(state, advice) : 0;
    for (size_t j = 0; j < 3; j++) {
        advice->ready_in_s[j] = state->estimated ? wait_s + state->needed_s[j] : WP_ADVICE_NOT_KNOWN;
    }
    advice->on = state->on;
    advice->on_limit_ma = state->limit_ma;
}
