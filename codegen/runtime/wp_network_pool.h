/* wp_network_pool.h: largest and mean value under a window, of the positions that exist. */
#ifndef WP_NETWORK_POOL_H
#define WP_NETWORK_POOL_H

#include "wp_network.h"
#include "wp_network_window.h"

/*   patch  [taps][channels], padding as -128 */
static inline void wp_network_pool_max(
    const wp_network_window *window, int low, int high, const int8_t *patch, int8_t *y)
{
    const int taps = window->kernel_height * window->kernel_width;
    for (int channel = 0; channel < window->channels; channel++) {
        int largest = -128;
        for (int tap = 0; tap < taps; tap++) {
            const int x = patch[tap * window->channels + channel];
            largest = x > largest ? x : largest;
        }
        y[channel] = (int8_t)wp_network_limit(largest, low, high);
    }
}

/* Taps along one axis that do not hang over an edge. */
static inline int wp_network_pool_inside(int start, int taps, int n)
{
    const int first = start < 0 ? 0 : start;
    const int last = start + taps < n ? start + taps : n;
    return last - first;
}

/*   patch  [taps][channels], padding as 0 */
static inline void wp_network_pool_average(
    const wp_network_window *window, int low, int high, int row, int column, const int8_t *patch, int8_t *y)
{
    const int taps = window->kernel_height * window->kernel_width;
    const int count =
        wp_network_pool_inside(row * window->stride_height - window->top, window->kernel_height, window->height) *
        wp_network_pool_inside(column * window->stride_width - window->left, window->kernel_width, window->width);
    for (int channel = 0; channel < window->channels; channel++) {
        int32_t sum = 0;
        for (int tap = 0; tap < taps; tap++) {
            sum += patch[tap * window->channels + channel];
        }
        sum += sum > 0 ? count / 2 : -(count / 2);
        y[channel] = (int8_t)wp_network_limit(sum / count, low, high);
    }
}

#endif
