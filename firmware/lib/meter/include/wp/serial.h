/* wp/serial.h: what a driver asks of a serial line, RS-485's pair of wires among them. A board's port implements it; a
 * test simulates it.
 */
#ifndef WP_SERIAL_H
#define WP_SERIAL_H

#include "wp/types.h"

typedef struct wp_serial {
    void *context;

    /* Takes what has arrived, at most `size` bytes, and returns how many; 0: nothing. Never waits. */
    size_t (*read)(void *context, uint8_t *bytes, size_t size);

    /* Hands n bytes over, in order, and returns without waiting until they have left. On RS-485 the transmitter is on
     * while they leave, and off before an answer may come. */
    void (*write)(void *context, const uint8_t *bytes, size_t n);
} wp_serial;

#endif
