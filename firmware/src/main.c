/* The board's loop: whatever arrives goes to the core, whatever it answers goes out. */
#include <string.h>

#include "model.h"
#include "port.h"
#include "wp/board.h"

/* A log line: no '$' in front, so that a host shows it and does not parse it. */
static const char other_core[] = "the model was generated for another core: python -m codegen build\n";

int main(int argc, char *argv[])
{
    static wp_port port;
    static wp_board board;
    uint8_t bytes[WP_LINE_MAX];

    const int exit_code = port_init(&port, argc, argv);
    if (exit_code != 0) {
        return exit_code;
    }
    if (wp_board_init(&board, &wp_model_generated, &port) != WP_OK) {
        port.write(port.context, (const uint8_t *)other_core, strlen(other_core));
        return 4;
    }
    size_t n = port_receive(bytes, sizeof bytes);
    while (n > 0) { /* for ever, or until the line ends */
        wp_board_receive(&board, bytes, n);
        n = port_receive(bytes, sizeof bytes);
    }
    return 0;
}
