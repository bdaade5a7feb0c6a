/* wp/i2c.h: what a driver asks of an I2C bus. A board's port implements it; a test simulates it. */
#ifndef WP_I2C_H
#define WP_I2C_H

#include "wp/types.h"

typedef enum wp_i2c_status {
    WP_I2C_OK = 0,
    WP_I2C_NO_ANSWER = 1, /* nobody acknowledged the address, or a byte */
    WP_I2C_BUS_ERROR = 2, /* a line held down, arbitration lost, a timeout; or there is no bus */
} wp_i2c_status;

typedef struct wp_i2c {
    void *context;

    /* Writes n_out bytes to a 7-bit address, then, with a repeated start, reads n_in; either may be 0. Ends within a few
     * ms whatever the bus does. With another status than WP_I2C_OK `in` is not read. */
    wp_i2c_status (*transfer)(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                              size_t n_in);
} wp_i2c;

#endif
