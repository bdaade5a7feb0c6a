/* wp/modbus.h: a Modbus RTU master that reads input registers, one request at a time, without waiting.
 *
 * Modbus over Serial Line, specification and implementation guide V1.02, 2.5; Modbus Application Protocol V1.1b3, 6.4.
 * A reply is found by its length and CRC-16, not by the silence around it: what a UART's driver hands over has lost its
 * timing. Bytes that belong to no reply (noise, another unit's frame, the request's own echo) are passed over. A reply
 * does not repeat which register it begins with, so that one that comes after its time could be taken for the next one's:
 * ask for blocks of different lengths, or let the line rest.
 *
 *     wp_modbus_init(&master, &line, &config);
 *     wp_modbus_read(&master, now_us, 0x0046, 6);
 *     while ((status = wp_modbus_poll(&master, now_us)) == WP_MODBUS_BUSY) { ... something else ... }
 */
#ifndef WP_MODBUS_H
#define WP_MODBUS_H

#include "wp/serial.h"

/* Most registers of a request; sizes the reply's buffer. The protocol allows 125. */
#define WP_MODBUS_REGISTERS_MAX 40
#define WP_MODBUS_REPLY_MAX (5 + 2 * WP_MODBUS_REGISTERS_MAX)

typedef enum wp_modbus_status {
    WP_MODBUS_OK = 0,        /* the registers are there: wp_modbus_register */
    WP_MODBUS_IDLE = 1,      /* nothing has been asked */
    WP_MODBUS_BUSY = 2,      /* asked, and not over yet */
    WP_MODBUS_NO_ANSWER = 3, /* not a byte in time, nor at any repetition */
    WP_MODBUS_DAMAGED = 4,   /* bytes, and no whole reply of this unit among them */
    WP_MODBUS_REFUSED = 5    /* the unit answered with an exception: wp_modbus.exception */
} wp_modbus_status;

/* An exception's code that is worth another try: the unit is busy. */
#define WP_MODBUS_EXCEPTION_BUSY 6

typedef struct wp_modbus_config {
    uint32_t baud;       /* 1200 ... 115200 */
    uint32_t timeout_us; /* from the request's last byte until the unit must have begun to answer; 1 000 ... 10 000 000 */
    uint8_t unit;        /* 1 ... 247 */
    uint8_t retries;     /* after the first try */
} wp_modbus_config;

typedef struct wp_modbus {
    const wp_serial *line;
    wp_modbus_config config;
    wp_modbus_status status;
    uint32_t silence_us; /* before a request: 3.5 bytes, at least 1750 us */
    uint32_t limit_us;   /* of a try, bytes on the line included */
    uint32_t since_us;   /* the try began, or its request went out */
    uint32_t heard_us;   /* the latest byte */
    uint16_t first;
    uint8_t n_registers;
    uint8_t tries_left;
    bool sent;
    bool heard; /* a byte since the request went out */
    uint8_t exception;
    uint8_t n_bytes;
    uint8_t bytes[WP_MODBUS_REPLY_MAX]; /* begins where a reply may begin */
    uint32_t n_tries; /* counted since the beginning, for who looks after a line; they wrap */
    uint32_t n_timeouts;
    uint32_t n_damaged; /* frames of the right length whose CRC was wrong */
} wp_modbus;

/* Takes a line and a configuration, which is copied and limited to what is said above; sends nothing yet. */
void wp_modbus_init(wp_modbus *master, const wp_serial *line, const wp_modbus_config *config);

/* Begins to read so many input registers (function 4) from a first one on. False, and nothing begins, while another
 * request is on its way or for a number of registers outside of 1 ... WP_MODBUS_REGISTERS_MAX. */
bool wp_modbus_read(wp_modbus *master, uint32_t now_us, uint16_t first, uint8_t n_registers) WP_MUST_CHECK;

/* Sends, listens, repeats and gives up, whatever is due; call it every few ms until it is not WP_MODBUS_BUSY any more.
 *
 *   now_us  microseconds of a clock that wraps at 2^32
 *
 * Returns the request's status, the same until the next request. At most a reply's bytes are read a call. */
wp_modbus_status wp_modbus_poll(wp_modbus *master, uint32_t now_us);

/* The bytes that wp_modbus_poll has read off the line; for who has them from elsewhere. */
void wp_modbus_receive(wp_modbus *master, uint32_t now_us, const uint8_t *bytes, size_t n);

/* Register k of the latest reply, k < n_registers; with WP_MODBUS_OK only. */
uint16_t wp_modbus_register(const wp_modbus *master, uint8_t k);

/* CRC-16/MODBUS: polynomial 0x8005 reflected, from 0xFFFF. On the line its low byte comes first. */
uint16_t wp_modbus_crc(const uint8_t *bytes, size_t n);

#endif
