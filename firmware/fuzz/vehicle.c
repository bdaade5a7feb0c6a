/* Fuzzes the loop of a charge point's board, with a household whose tables are drawn, and a port that takes time and bytes
 * of the line from the fuzzer's input. tools/fuzz.py builds and runs this.
 *
 * The first byte says how the board starts, the second which tables it has; then come turns of the loop, an opcode and
 * what it needs:
 *
 *     0     a sample in sequence, as a host sends it: which of its values change (2), each of those (4); with bit 9 the
 *           step of t_ms (4), else it is a minute
 *     1     the next bytes with the frame and the CRC of a line: length (1), body
 *     2     the next bytes as they are: length (1), bytes
 *     3     time passes: microseconds (4); and what is asked: per cent (1), Wh (4)
 *
 * modulo 4. Input that ends too early is zeros.
 */
#ifndef WP_PROFILE_EV
#define WP_PROFILE_EV 1 /* for who looks at this file alone */
#define WP_METER 0
#endif
#include "board_input.h"
#include "drawn_household.h"
#include "wp/board.h"

#define N_VALUES 9
#define STEP_BIT 9

typedef struct fuzz_world {
    uint32_t now_us;
    uint32_t t_ms;
    int32_t values[N_VALUES]; /* voltage and current of each phase, pilot, energy, state of charge */
} fuzz_world;

static int32_t within(int32_t value, int32_t least, int32_t most)
{
    return value < least ? least : value > most ? most : value;
}

static uint32_t fuzz_clock_us(void *context)
{
    return ((const fuzz_world *)context)->now_us;
}

static void check_answer(const wp_household_model *model, const wp_household_answer *answer)
{
    check(answer->car < model->n_cars && answer->possible >> model->n_cars == 0);
    check(answer->confidence_permille <= 1000 && answer->energy_to_go_wh >= 0 && answer->power_class_w >= 0);
    check(answer->stage < WP_N_STAGES && answer->phase <= WP_HOUSEHOLD_DONE && answer->active_phases <= WP_N_PHASES);
    for (size_t q = 0; q < 3; q++) {
        check(answer->done_s[q] >= (q > 0 ? answer->done_s[q - 1] : 0) && answer->done_s[q] <= WP_FEATURE_MAX);
        check(answer->target_s[q] >= (q > 0 ? answer->target_s[q - 1] : -1));
        check(answer->target_s[q] <= answer->done_s[q]);
    }
}

static void check_board(const wp_board *board)
{
    const wp_household_model *model = board->charge.model;
    int32_t x[WP_N_VEHICLE_FEATURES];
    check(board->reader.length < WP_LINE_MAX);
    check(board->charge.household.possible != 0 && board->charge.household.possible >> model->n_cars == 0);
    wp_vehicle_read(&board->charge.vehicle, x);
    for (size_t k = 0; k < WP_N_VEHICLE_FEATURES; k++) {
        check(x[k] == WP_MISSING || (x[k] >= -WP_FEATURE_MAX && x[k] <= WP_FEATURE_MAX));
    }
    for (size_t k = 0; k < WP_ANSWERS_KEPT; k++) {
        check_answer(model, &board->kept[k].answer.household);
    }
}

static void send_line(wp_board *board, wp_line_writer *line)
{
    const size_t n = wp_line_end(line);
    check(n > 0);
    wp_board_receive(board, line->bytes, n);
}

static void send_sample(wp_board *board, fuzz_world *world, fuzz_input *input)
{
    wp_line_writer line;
    const uint32_t changes = take(input, 2);
    for (size_t k = 0; k < N_VALUES; k++) {
        world->values[k] = (changes >> k & 1u) != 0u ? take_signed(input) : world->values[k];
    }
    const int32_t step = (changes >> STEP_BIT & 1u) != 0u ? take_signed(input) : 60000;
    world->t_ms += step >= 0 ? (uint32_t)step : 1000u;
    wp_line_begin(&line, 'A');
    wp_line_field(&line, board->next_sequence);
    for (size_t k = 0; k < WP_N_PHASES; k++) {
        wp_line_field(&line, within(world->values[2 * k], 0, WP_VOLTAGE_MAX_MV));
        wp_line_field(&line, within(world->values[2 * k + 1], -WP_CURRENT_MAX_MA, WP_CURRENT_MAX_MA));
    }
    send_line(board, &line);
    wp_line_begin(&line, 'B');
    wp_line_field(&line, board->next_sequence);
    wp_line_field(&line, world->t_ms);
    for (size_t k = 2 * WP_N_PHASES; k < N_VALUES; k++) {
        wp_line_field(&line, world->values[k]);
    }
    send_line(board, &line);
}

static void send_goal(wp_board *board, fuzz_input *input)
{
    wp_line_writer line;
    wp_line_begin(&line, 'G');
    wp_line_field(&line, take(input, 1) % 101u);
    wp_line_field(&line, take_signed(input));
    send_line(board, &line);
}

static void turn(wp_board *board, fuzz_world *world, fuzz_input *input)
{
    switch (take(input, 1) % 4u) {
    case 0:
        send_sample(board, world, input);
        break;
    case 1:
        send_bytes(board, input, true);
        break;
    case 2:
        send_bytes(board, input, false);
        break;
    default:
        world->now_us += take(input, 4);
        send_goal(board, input);
        break;
    }
    check(wp_board_tick(board) <= 60000000u || board->mode == WP_MODE_INJECTED);
    check_board(board);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static wp_board board;
    static wp_household_car cars[WP_HOUSEHOLD_CARS_MAX + 1];
    static wp_household_model model;
    fuzz_input input = {data, data + size};
    fuzz_world world = {0};
    const uint32_t start = take(&input, 1);
    const wp_port port = {
        .context = &world,
        .write = fuzz_write,
        .clock_us = fuzz_clock_us,
        .ticks = fuzz_clock_us,
        .ticks_per_s = (start & 2u) != 0u ? 1u : 0u,
        .stack_bytes = fuzz_clock_us,
        .sensor = WP_SENSOR_ABSENT,
        .boot = (wp_boot)(start >> 2 & 3u),
    };
    random_state = 88172645463325252u + take(&input, 1);
    draw_model(&model, cars);
    fuzz_count(size);
    world.now_us = start << 24;
    check(wp_board_init(&board, &model, &port) == WP_OK);
    while (input.next < input.end) {
        turn(&board, &world, &input);
    }
    return 0;
}
