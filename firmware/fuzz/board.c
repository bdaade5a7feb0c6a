/* Fuzzes the whole board loop, as firmware/src/main.c has it, with a port that takes time, readings and bytes of the line
 * from the fuzzer's input. tools/fuzz.py builds and runs this.
 *
 * The first byte says how the board starts; then come turns of the loop, an opcode and what it needs:
 *
 *     0     a sample in sequence, as a host sends it: step of t_ms (4), voltage (4), current (4)
 *     1     the next bytes with the frame and the CRC of a line: length (1), body
 *     2     the next bytes as they are: length (1), bytes
 *     3     time passes, and the sensor measures: microseconds (4), status (1), voltage (4), current (4), raw (1)
 *
 * modulo 4. Input that ends too early is zeros.
 */
#include "board_input.h"
#include "model.h"
#include "wp/board.h"

typedef struct fuzz_world {
    wp_port *port;
    int32_t settings[2]; /* the first: whether there is a sensor */
    uint32_t now_us;
    wp_reading reading;
    uint32_t next_t_ms;
} fuzz_world;

static uint32_t fuzz_clock_us(void *context)
{
    return ((const fuzz_world *)context)->now_us;
}

static void fuzz_measure(void *context, wp_reading *reading)
{
    *reading = ((const fuzz_world *)context)->reading;
}

static void choose_sensor(const fuzz_world *world)
{
    world->port->measure = world->settings[0] != 0 ? fuzz_measure : NULL;
    world->port->sensor = world->settings[0] != 0 ? WP_SENSOR_PRESENT : WP_SENSOR_ABSENT;
}

static void fuzz_get_setting(void *context, uint8_t number, wp_setting *setting)
{
    *setting = (wp_setting){((const fuzz_world *)context)->settings[number], number == 0 ? 0 : INT32_MIN, 1};
}

/* Flash that fails now and then. */
static bool fuzz_set_setting(void *context, uint8_t number, int32_t value)
{
    fuzz_world *world = context;
    check(value <= 1 && (number > 0 || value >= 0));
    if ((world->now_us & 64u) != 0u) {
        return false;
    }
    world->settings[number] = value;
    choose_sensor(world);
    return true;
}

static void check_board(const wp_board *board)
{
    int32_t x[WP_N_FEATURES];
    check(board->reader.length < WP_LINE_MAX && board->charge.features.phase <= WP_PHASE_FULL);
    check(board->live.n_window <= WP_PLUG_WINDOW && board->live.fault <= WP_SENSOR_OUT_OF_RANGE);
    wp_features_read(&board->charge.features, x);
    for (size_t k = 0; board->charge.features.n_samples > 0 && k < WP_N_FEATURES; k++) {
        check(x[k] == WP_MISSING || (x[k] >= -WP_FEATURE_MAX && x[k] <= WP_FEATURE_MAX));
    }
    for (size_t k = 0; k < WP_ANSWERS_KEPT; k++) {
        const wp_answer *answer = &board->kept[k].answer;
        check(answer->device < board->charge.model->n_devices && answer->confidence_permille <= 1000);
        check(0 <= answer->remaining_s[0] && answer->remaining_s[0] <= answer->remaining_s[1] &&
              answer->remaining_s[1] <= answer->remaining_s[2] && answer->remaining_s[2] <= WP_REMAINING_MAX_S);
    }
}

static void send_sample(wp_board *board, fuzz_world *world, fuzz_input *input)
{
    wp_line_writer line;
    const int32_t step = take_signed(input);
    world->next_t_ms += step >= 0 ? (uint32_t)step : 1000u;
    wp_line_begin(&line, 'S');
    wp_line_field(&line, board->next_sequence);
    wp_line_field(&line, world->next_t_ms);
    wp_line_field(&line, take_signed(input));
    wp_line_field(&line, take_signed(input));
    const size_t n = wp_line_end(&line);
    wp_board_receive(board, line.bytes, n);
}

static void pass_time(fuzz_world *world, fuzz_input *input)
{
    world->now_us += take(input, 4);
    world->reading.status = (wp_sensor_status)(take(input, 1) % 8u); /* mostly well: 5 to 7 are */
    if (world->reading.status > WP_SENSOR_OUT_OF_RANGE) {
        world->reading.status = WP_SENSOR_OK;
    }
    world->reading.voltage_mv = take_signed(input);
    world->reading.current_ma = take_signed(input);
    world->reading.raw = take(input, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wp_board board;
    fuzz_input input = {data, data + size};
    fuzz_world world = {0};
    const uint32_t start = take(&input, 1);
    wp_port port = {
        .context = &world,
        .write = fuzz_write,
        .clock_us = fuzz_clock_us,
        .ticks = fuzz_clock_us,
        .ticks_per_s = (start & 2u) != 0u ? 1u : 0u,
        .stack_bytes = fuzz_clock_us,
        .n_settings = 2,
        .get_setting = fuzz_get_setting,
        .set_setting = fuzz_set_setting,
        .boot = (wp_boot)(start >> 2 & 3u),
    };
    world.port = &port;
    world.settings[0] = (int32_t)(start & 1u);
    choose_sensor(&world);
    fuzz_count(size);
    world.now_us = start << 24;
    check(wp_board_init(&board, &wp_model_generated, &port) == WP_OK);
    while (input.next < input.end) {
        switch (take(&input, 1) % 4u) {
        case 0:
            send_sample(&board, &world, &input);
            break;
        case 1:
            send_bytes(&board, &input, true);
            break;
        case 2:
            send_bytes(&board, &input, false);
            break;
        default:
            pass_time(&world, &input);
            break;
        }
        check(wp_board_tick(&board) <= 60000000u || board.mode == WP_MODE_INJECTED);
        check_board(&board);
    }
    return 0;
}
