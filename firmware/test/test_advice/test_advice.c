/* Advice on a charge that a charger's control follows: what is told when, and that nothing is told unless it is wished. */
#include "check.h"
#include "wp/advice.h"

static wp_advice_settings settings;
static wp_advice_state state;
static wp_advice advice;
static uint32_t now_s;
static int32_t left_s; /* until full with 16 A */
static uint32_t n_told;
static bool told_on;
static int32_t told_ma;

static void tell(void *context, bool on, int32_t limit_ma)
{
    CHECK_TRUE(context == &settings);
    n_told++;
    told_on = on;
    told_ma = limit_ma;
}

static void begin(uint8_t wishes, int32_t hours_to_charge)
{
    settings = wp_advice_defaults();
    settings.wishes = wishes;
    settings.enable = tell;
    settings.context = &settings;
    CHECK_EQUAL(wp_advice_check(&settings), WP_OK);
    now_s = 0u - 5000u; /* the clock wraps in the charge */
    left_s = 3600 * hours_to_charge;
    n_told = 0;
    told_on = true;
    told_ma = settings.most_ma;
    wp_advice_begin(&state, &settings, now_s);
}

/* Minutes of a car that does what it is told; the estimate is the truth, and the target an hour before full. */
static void pass(int32_t minutes)
{
    for (int32_t k = 0; k < minutes; k++) {
        const int32_t full_s = left_s * 16 / (told_ma / 1000);
        const int32_t target_s = left_s > 3600 ? (left_s - 3600) * 16 / (told_ma / 1000) : 0;
        const wp_advice_input input = {.drawing = told_on && left_s > 0,
                                       .current_ma = told_ma,
                                       .full_s = {full_s, full_s, full_s},
                                       .target_s = {target_s, target_s, target_s}};
        wp_advice_update(&state, now_s, &input, &advice);
        now_s += 60;
        left_s -= told_on ? 60 * (told_ma / 1000) / 16 : 0;
        left_s = left_s < 0 ? 0 : left_s;
    }
}

static void test_nothing_is_switched_by_itself(void)
{
    begin(0, 2);
    wp_advice_ready_by(&state, now_s, 8 * 3600);
    pass(10);
    CHECK_EQUAL(advice.start_in_s, 8 * 3600 - 900 - 2 * 3600);
    CHECK_EQUAL(advice.limit_ma, 6000);
    CHECK_TRUE(advice.on && !advice.late && !advice.stop);
    pass(200);
    CHECK_TRUE(advice.on && advice.stop);
    wp_advice_end(&state);
    CHECK_EQUAL(n_told, 0);
}

static void test_stops_at_the_target(void)
{
    begin(WP_ADVICE_STOP, 3);
    pass(121);
    CHECK_EQUAL(n_told, 0);
    pass(2);
    CHECK_TRUE(n_told == 1 && !told_on && advice.stop);
    pass(500);
    CHECK_EQUAL(n_told, 1);
    wp_advice_end(&state);
    CHECK_TRUE(n_told == 2 && told_on);
}

static void test_waits_and_is_ready(void)
{
    begin(WP_ADVICE_LATER, 2);
    wp_advice_ready_by(&state, now_s, 8 * 3600);
    pass(10);
    CHECK_TRUE(told_on);
    pass(2);
    CHECK_TRUE(n_told == 1 && !told_on);
    CHECK_EQUAL(advice.ready_in_s[1], advice.start_in_s + 3600 * 2 - 600);
    pass(8 * 60 - 12 - 16);
    CHECK_TRUE(n_told == 2 && told_on);
    CHECK_TRUE(left_s > 0 && left_s <= 60 * 2);
    pass(16);
    CHECK_EQUAL(left_s, 0);
    CHECK_EQUAL(n_told, 2);
}

static void test_charges_slowly(void)
{
    begin(WP_ADVICE_SLOWLY, 2);
    wp_advice_ready_by(&state, now_s, 4 * 3600 + 900);
    pass(12);
    CHECK_TRUE(n_told == 1 && told_on && told_ma == 8000);
    pass(4 * 60 - 12);
    CHECK_EQUAL(left_s, 0);
    CHECK_TRUE(n_told < 6);
}

static void test_no_time_no_change(void)
{
    begin(WP_ADVICE_LATER | WP_ADVICE_SLOWLY, 2);
    pass(130);
    CHECK_EQUAL(n_told, 0);
    begin(WP_ADVICE_LATER | WP_ADVICE_SLOWLY, 6);
    wp_advice_ready_by(&state, now_s, 4 * 3600);
    pass(130);
    CHECK_EQUAL(n_told, 0);
    CHECK_TRUE(advice.late);
    CHECK_EQUAL(advice.limit_ma, 16000);
    CHECK_EQUAL(advice.start_in_s, 0);
}

int main(void)
{
    check_begin();
    RUN(test_nothing_is_switched_by_itself);
    RUN(test_stops_at_the_target);
    RUN(test_waits_and_is_ready);
    RUN(test_charges_slowly);
    RUN(test_no_time_no_change);
    return check_end();
}
