#include "wp/modbus.h"

#include <string.h>

#define READ_INPUT_REGISTERS 0x04u
#define EXCEPTION 0x80u
#define EXCEPTION_CODE_MAX 11u
#define EXCEPTION_BYTES 5u
#define REQUEST_BYTES 8u
#define AROUND_DATA_BYTES 5u /* unit, function, length; CRC */
#define BITS_A_BYTE 11u      /* start, eight, parity or a second stop bit, stop */
#define SILENCE_MIN_US 1750u
#define US_PER_S 1000000u

static uint32_t limited(uint32_t value, uint32_t lowest, uint32_t highest)
{
    return value < lowest ? lowest : value > highest ? highest : value;
}

uint16_t wp_modbus_crc(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFu;
    for (size_t k = 0; k < n; k++) {
        crc ^= bytes[k];
        for (uint32_t bit = 0; bit < 8; bit++) {
            crc = (crc & 1u) != 0 ? crc >> 1 ^ 0xA001u : crc >> 1;
        }
    }
    return (uint16_t)crc;
}

/* Bytes on the line, rounded up. */
static uint32_t time_of(const wp_modbus *master, uint32_t n_bytes)
{
    return (n_bytes * BITS_A_BYTE * US_PER_S + master->config.baud - 1u) / master->config.baud;
}

void wp_modbus_init(wp_modbus *master, const wp_serial *line, const wp_modbus_config *config)
{
    memset(master, 0, sizeof *master);
    master->line = line;
    master->config = *config;
    master->config.baud = limited(config->baud, 1200, 115200);
    master->config.timeout_us = limited(config->timeout_us, 1000, 10 * US_PER_S);
    master->config.unit = (uint8_t)limited(config->unit, 1, 247);
    master->status = WP_MODBUS_IDLE;
    master->silence_us = limited(time_of(master, 7) / 2u, SILENCE_MIN_US, US_PER_S);
}

static void begin_try(wp_modbus *master, uint32_t now_us)
{
    master->sent = false;
    master->heard = false;
    master->n_bytes = 0;
    master->since_us = now_us;
    master->heard_us = now_us;
}

bool wp_modbus_read(wp_modbus *master, uint32_t now_us, uint16_t first, uint8_t n_registers)
{
    if (master->status == WP_MODBUS_BUSY || n_registers < 1 || n_registers > WP_MODBUS_REGISTERS_MAX) {
        return false;
    }
    master->status = WP_MODBUS_BUSY;
    master->first = first;
    master->n_registers = n_registers;
    master->tries_left = master->config.retries;
    master->exception = 0;
    master->limit_us = master->config.timeout_us + time_of(master, REQUEST_BYTES + AROUND_DATA_BYTES + 2u * n_registers);
    begin_try(master, now_us);
    return true;
}

static void send(wp_modbus *master, uint32_t now_us)
{
    uint8_t request[REQUEST_BYTES] = {master->config.unit,
                                      READ_INPUT_REGISTERS,
                                      (uint8_t)(master->first >> 8),
                                      (uint8_t)master->first,
                                      0,
                                      master->n_registers};
    const uint16_t crc = wp_modbus_crc(request, REQUEST_BYTES - 2u);
    request[REQUEST_BYTES - 2u] = (uint8_t)crc;
    request[REQUEST_BYTES - 1u] = (uint8_t)(crc >> 8);
    master->sent = true;
    master->heard = false;
    master->n_bytes = 0;
    master->since_us = now_us;
    master->n_tries++;
    master->line->write(master->line->context, request, sizeof request);
}

/* Gives up a try: the next one, or the end. */
static void fail(wp_modbus *master, uint32_t now_us, wp_modbus_status status)
{
    if (master->tries_left > 0) {
        master->tries_left--;
        begin_try(master, now_us);
    } else {
        master->status = status;
    }
}

/* Whether a reply to the request could begin with these bytes, and all of them where it is whole. */
static bool could_be_reply(const wp_modbus *master, const uint8_t *bytes, size_t n, bool *whole)
{
    const uint32_t n_data = 2u * master->n_registers;
    const bool refused = n >= 2 && bytes[1] == (READ_INPUT_REGISTERS | EXCEPTION);
    const size_t n_whole = refused ? EXCEPTION_BYTES : AROUND_DATA_BYTES + n_data;
    *whole = false;
    if (bytes[0] != master->config.unit || (n >= 2 && bytes[1] != READ_INPUT_REGISTERS && !refused)) {
        return false;
    }
    if (n >= 3 && (refused ? bytes[2] < 1 || bytes[2] > EXCEPTION_CODE_MAX : bytes[2] != n_data)) {
        return false;
    }
    if (n < n_whole) {
        return true;
    }
    const uint16_t crc = (uint16_t)(bytes[n_whole - 2] | (uint32_t)bytes[n_whole - 1] << 8);
    *whole = wp_modbus_crc(bytes, n_whole - 2) == crc;
    return *whole;
}

static void take(wp_modbus *master, uint32_t now_us, uint8_t byte)
{
    bool whole = false;
    size_t at = 0;
    master->bytes[master->n_bytes] = byte;
    master->n_bytes++;
    while (at < master->n_bytes && !could_be_reply(master, master->bytes + at, master->n_bytes - at, &whole)) {
        master->n_damaged += at == 0 && master->n_bytes == AROUND_DATA_BYTES + 2u * master->n_registers ? 1u : 0u;
        at++; /* at most the buffer's bytes */
    }
    master->n_bytes = (uint8_t)(master->n_bytes - at);
    memmove(master->bytes, master->bytes + at, master->n_bytes);
    if (!whole) {
        return;
    }
    if (master->bytes[1] == READ_INPUT_REGISTERS) {
        master->status = WP_MODBUS_OK;
        return;
    }
    master->exception = master->bytes[2];
    if (master->exception == WP_MODBUS_EXCEPTION_BUSY) {
        fail(master, now_us, WP_MODBUS_REFUSED);
    } else {
        master->status = WP_MODBUS_REFUSED; /* another try would be refused too */
    }
}

void wp_modbus_receive(wp_modbus *master, uint32_t now_us, const uint8_t *bytes, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        master->heard_us = now_us;
        if (master->status == WP_MODBUS_BUSY && master->sent) {
            master->heard = true;
            take(master, now_us, bytes[k]);
        } /* else: a late one's, of which the line has to be free before the next request */
    }
}

wp_modbus_status wp_modbus_poll(wp_modbus *master, uint32_t now_us)
{
    uint8_t bytes[WP_MODBUS_REPLY_MAX];
    if (master->status != WP_MODBUS_BUSY) {
        return master->status;
    }
    const size_t n = master->line->read(master->line->context, bytes, sizeof bytes);
    wp_modbus_receive(master, now_us, bytes, n < sizeof bytes ? n : sizeof bytes);
    if (master->status != WP_MODBUS_BUSY) {
        return master->status;
    }
    if (!master->sent && now_us - master->heard_us >= master->silence_us) {
        send(master, now_us);
    } else if (now_us - master->since_us >= master->limit_us) {
        master->n_timeouts++;
        /* Not sent: the line has never been quiet. */
        fail(master, now_us, master->heard || !master->sent ? WP_MODBUS_DAMAGED : WP_MODBUS_NO_ANSWER);
    }
    return master->status;
}

uint16_t wp_modbus_register(const wp_modbus *master, uint8_t k)
{
    const uint8_t *data = master->bytes + 3 + 2u * k;
    return (uint16_t)((uint32_t)data[0] << 8 | data[1]);
}
