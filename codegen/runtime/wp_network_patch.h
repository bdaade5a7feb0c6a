/* wp_network_patch.h: what lies under the window of a kernel at one place. */
#ifndef WP_NETWORK_PATCH_H
#define WP_NETWORK_PATCH_H

#include <string.h>

#include "wp_network_window.h"

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
