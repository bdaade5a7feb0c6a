#include "readings.h"

wp_live live;
bool tapered;
wp_sample latest;
check_text_buffer seen;

static uint32_t clock_us;
static uint32_t raw;

void readings_begin(void)
{
    clock_us = 0xFFFFFFFFu - 2500000u;
    tapered = false;
    check_clear(&seen);
    wp_live_init(&live, clock_us);
}

void readings_begin_plugged(void)
{
    readings_begin();
    DRAWS(500, 500, 500);
    SEEN("..P3");
}

void pass(uint32_t us)
{
    clock_us += us;
    wp_live_advance(&live, clock_us);
}

static void note(const wp_live_step *step)
{
    static const char letters[] = "FWUP";
    const size_t before = seen.length;
    for (uint32_t bit = 0; bit < 4; bit++) {
        const char one[2] = {letters[bit], '\0'};
        if ((step->events >> bit & 1u) != 0) {
            check_append(&seen, one);
        }
    }
    if (step->n_samples > 0) {
        check_append_hex(&seen, step->n_samples, 0);
        latest = step->samples[step->n_samples - 1];
    }
    if (seen.length == before) {
        check_append(&seen, ".");
    }
}

void take(const wp_reading *reading)
{
    const wp_live_step step = wp_live_take(&live, reading, tapered);
    note(&step);
}

void reads(int32_t voltage_mv, int32_t current_ma)
{
    raw++;
    const wp_reading reading = {WP_SENSOR_OK, voltage_mv, current_ma, raw};
    pass(1000000);
    CHECK_TRUE(wp_live_is_due(&live));
    take(&reading);
}

void draws_for(uint32_t n, int32_t voltage_mv, int32_t current_ma)
{
    for (uint32_t k = 0; k < n; k++) {
        reads(voltage_mv, current_ma);
    }
}

void draws(const int32_t current_ma[], size_t n)
{
    for (size_t k = 0; k < n; k++) {
        reads(5000, current_ma[k]);
    }
}

void fails(uint32_t n, wp_sensor_status status)
{
    const wp_reading reading = {.status = status};
    for (uint32_t k = 0; k < n; k++) {
        pass(1000000);
        take(&reading);
    }
}

void stands_still(uint32_t n, int32_t current_ma)
{
    const wp_reading reading = {WP_SENSOR_OK, 5000, current_ma, 0xA5A5A5A5u};
    for (uint32_t k = 0; k < n; k++) {
        pass(1000000);
        take(&reading);
    }
}

void check_seen(const char *what, int line)
{
    check_text(seen.text, what, __FILE__, line);
    check_clear(&seen);
}

void check_samples(uint32_t n, int line)
{
    check_equal((int64_t)seen.length, n, __FILE__, line);
    for (size_t k = 0; k < seen.length; k++) {
        check_equal(seen.text[k], '1', __FILE__, line);
    }
    check_clear(&seen);
}
