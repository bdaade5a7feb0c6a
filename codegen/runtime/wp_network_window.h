/* wp_network_window.h: what lies under the window of a kernel at one place. */
#ifndef WP_NETWORK_WINDOW_H
#define WP_NETWORK_WINDOW_H

#include <stdint.h>
#include <string.h>

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

/*   x      [height][width][channels]
 *   patch  [kernel_height][kernel_width][channels] */
static void wp_network_patch(const wp_network_window *window, const int8_t *x, int row, int column, int8_t *patch)
{
    const size_t n = (size_t)window->channels;
    int y = row * window->stride_height - window->top;
    for (int i = 0; i < window->kernel_height; i++, y += window->dilation_height) {
        int z = column * window->stride_width - window->left;
        for (int j = 0; j < window->kernel_width; j++, z += window->dilation_width, patch += n) {
            if (y >= 0 && y < window->height && z >= 0 && z < window->width) {
                memcpy(patch, x + ((size_t)y * (size_t)window->width + (size_t)z) * n, n);
            } else {
                memset(patch, window->outside, n);
            }
        }
    }
}

#endif
