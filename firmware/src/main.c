/* The board's loop: whatever arrives goes to the core, when it is time the core measures, and what it says goes out. */
#include <string.h>

#include "hardware.h"
#include "model.h"
#include "port.h"

/* Log lines: no '$' in front, so that a host shows them and does not parse them. */
static const char other_core[] = "the model was generated for another core: python -m codegen build\n";
static const char half_a_port[] = "the port is incomplete: wp/port.h\n";

int main(int argc, char *argv[])
{
    static wp_board board;
    uint8_t bytes[WP_LINE_MAX] = {0};
    size_t n = 0;

    const int exit_code = port_init(argc, argv);
    if (exit_code != 0) {
        return exit_code;
    }
    const wp_status status = wp_board_init(&board, &wp_model_generated, hardware_start());
    if (status != WP_OK) {
        const char *why = status == WP_ERROR_PORT ? half_a_port : other_core;
        port_write((const uint8_t *)why, strlen(why));
        return 4;
    }
    while (port_read(wp_board_tick(&board), bytes, sizeof bytes, &n)) { /* for ever, or until the line ends */
        port_watchdog_kick();
        wp_board_receive(&board, bytes, n);
    }
    return 0;
}
