/* wp_network_window.h: where the taps of a kernel lie. */
#ifndef WP_NETWORK_WINDOW_H
#define WP_NETWORK_WINDOW_H

#include <stdint.h>

typedef struct wp_network_window {
    int16_t height; /* of what it moves over */
    int16_t width;
    int16_t channels;
    int16_t kernel_height;
    int16_t kernel_width;
    int16_t stride_height;
    int16_t stride_width;
    int16_t dilation_height;
    int16_t dilation_width;
    int16_t top; /* padding before the first row and column */
    int16_t left;
    int16_t out_height;
    int16_t out_width;
    int8_t outside; /* what padding counts as */
} wp_network_window;

#endif
