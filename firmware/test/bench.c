#include "bench.h"

#include <string.h>

bench_world world;
wp_port port;
wp_board board;
check_text_buffer sent;
check_text_buffer want;

static void fake_write(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        const char one[2] = {(char)bytes[i], '\0'};
        check_append(&sent, one);
    }
}

static uint32_t fake_clock_us(void *context)
{
    (void)context;
    const uint32_t now = world.now_us;
    world.now_us += world.step_us;
    return now;
}

static uint32_t fake_ticks(void *context)
{
    (void)context;
    const uint32_t now = world.n_ticks;
    world.n_ticks += world.step_ticks;
    return now;
}

static void fake_measure(void *context, wp_reading *reading)
{
    (void)context;
    world.reading.raw++;
    *reading = world.reading;
}

static uint32_t fake_stack_bytes(void *context)
{
    (void)context;
    return world.stack_bytes;
}

static void fake_get_setting(void *context, uint8_t number, wp_setting *setting)
{
    (void)context;
    *setting = world.settings[number];
}

static bool fake_set_setting(void *context, uint8_t number, int32_t value)
{
    (void)context;
    if (world.flash_fails) {
        return false;
    }
    world.settings[number].value = value;
    world.n_kept++;
    if (world.sensor_leaves) {
        port.sensor = WP_SENSOR_ABSENT;
        port.measure = NULL;
    }
    if (world.sensor_appears) {
        port.sensor = WP_SENSOR_PRESENT;
        port.measure = fake_measure;
    }
    return true;
}

static void give_settings(void)
{
    world.settings[0] = (wp_setting){.value = 7, .lowest = -10, .highest = 20};
    world.settings[1] = (wp_setting){.value = -3, .lowest = INT32_MIN, .highest = -1};
    port.n_settings = 2;
    port.get_setting = fake_get_setting;
    port.set_setting = fake_set_setting;
}

static void start_with(wp_sensor sensor)
{
    port = (wp_port){.context = &world,
                     .write = fake_write,
                     .clock_us = fake_clock_us,
                     .ticks = fake_ticks,
                     .ticks_per_s = 0,
                     .measure = sensor == WP_SENSOR_PRESENT ? fake_measure : NULL,
                     .sensor = sensor,
                     .stack_bytes = fake_stack_bytes,
                     .boot = WP_BOOT_WATCHDOG};
    check_clear(&sent);
    check_clear(&want);
    CHECK_EQUAL(wp_board_init(&board, &wp_model_generated, &port), WP_OK);
    check_clear(&sent);
}

void start(void)
{
    /* The clocks wrap in the first answer. */
    world = (bench_world){.now_us = 0xFFFFFFF0u, .step_us = 40, .n_ticks = 0xFFFFFF00u, .step_ticks = 700};
    start_with(WP_SENSOR_ABSENT);
}

void start_live(void)
{
    world = (bench_world){.now_us = 0xFFE00000u}; /* wraps after two seconds */
    start_with(WP_SENSOR_PRESENT);
}

void start_with_settings(void)
{
    start();
    give_settings();
}

void start_live_with_settings(void)
{
    start_live();
    give_settings();
}

void receive(const char *text)
{
    wp_board_receive(&board, (const uint8_t *)text, strlen(text));
}

void receive_line(const char *body)
{
    static check_text_buffer line;
    check_clear(&line);
    check_append_line(&line, body);
    check_clear(&sent);
    receive(line.text);
}

void check_answer(const char *body, const char *answer, int line)
{
    receive_line(body);
    check_clear(&want);
    if (answer[0] != '\0') {
        check_append_line(&want, answer);
    }
    check_text(sent.text, want.text, __FILE__, line);
}

const char *prediction(uint32_t sequence, const wp_sample samples[], size_t n)
{
    static check_text_buffer body;
    wp_charge charge;
    wp_answer answer = {0};
    CHECK_EQUAL(wp_charge_init(&charge, &wp_model_generated), WP_OK);
    for (size_t i = 0; i < n; i++) {
        CHECK_EQUAL(wp_charge_update(&charge, &samples[i], &answer), WP_OK);
    }
    const int32_t fields[] = {answer.device,         answer.confidence_permille, answer.remaining_s[0],
                              answer.remaining_s[1], answer.remaining_s[2],      answer.flags};
    check_clear(&body);
    check_append(&body, "P,");
    check_append_hex(&body, sequence, 0);
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        check_append(&body, ",");
        check_append_hex(&body, (uint64_t)fields[i], 0);
    }
    check_append(&body, ",");
    check_append_hex(&body, answer.state_crc, 8);
    return body.text;
}

void inject_charge(uint32_t first, uint32_t n)
{
    static check_text_buffer body;
    check_clear(&body);
    check_append(&body, "R,");
    check_append_hex(&body, first, 0);
    receive_line(body.text);
    for (uint32_t i = 0; i < n; i++) {
        check_clear(&body);
        check_append(&body, "S,");
        check_append_hex(&body, first + i, 0);
        check_append(&body, ",");
        check_append_hex(&body, 1000u * i, 0);
        check_append(&body, ",1388,7D0");
        receive_line(body.text);
    }
}

static uint32_t pass_a_second(void)
{
    world.now_us += 1000000u;
    return wp_board_tick(&board);
}

uint32_t second(int32_t voltage_mv, int32_t current_ma)
{
    world.reading.status = WP_SENSOR_OK;
    world.reading.voltage_mv = voltage_mv;
    world.reading.current_ma = current_ma;
    return pass_a_second();
}

void second_of_fault(wp_sensor_status status)
{
    world.reading.status = status;
    (void)pass_a_second();
}
