#include "meter_simulator.h"

#include <string.h>

#define READ_INPUT 4u
#define ILLEGAL_FUNCTION 1u
#define ILLEGAL_ADDRESS 2u
#define BITS 10u /* 8N1 */

void meter_simulator_init(meter_simulator *meter, uint8_t unit)
{
    memset(meter, 0, sizeof *meter);
    meter->unit = unit;
    meter->baud = 9600;
    meter->think_us = 30000;
    meter->exception = ILLEGAL_ADDRESS;
}

/* Long division, bit by bit: 24 bits of quotient, then to nearest, a tie to even. */
void meter_simulator_set(meter_simulator *meter, uint32_t index, int64_t millis)
{
    const uint32_t sign = millis < 0 ? 0x80000000u : 0;
    uint64_t rest = millis < 0 ? (uint64_t)0 - (uint64_t)millis : (uint64_t)millis;
    uint64_t divisor = 1000;
    uint32_t exponent = 127;
    uint32_t mantissa = 0;
    meter->values[index] = sign;
    if (rest == 0) {
        return;
    }
    while (rest >= 2 * divisor) {
        divisor *= 2;
        exponent++;
    }
    while (rest < divisor) {
        rest *= 2;
        exponent--;
    }
    for (uint32_t bit = 0; bit < 24; bit++) {
        mantissa *= 2;
        if (rest >= divisor) {
            mantissa++;
            rest -= divisor;
        }
        rest *= 2;
    }
    if (rest > divisor || (rest == divisor && (mantissa & 1u) != 0)) {
        mantissa++; /* 2^24 carries into the exponent by itself */
    }
    meter->values[index] = sign | ((exponent << 23) + (mantissa - 0x800000u));
}

static uint16_t crc_of(const uint8_t *bytes, size_t n)
{
    uint32_t crc = 0xFFFFu;
    for (size_t k = 0; k < 8 * n; k++) {
        const uint32_t bit = ((uint32_t)bytes[k / 8] >> (k % 8) & 1u) ^ (crc & 1u);
        crc >>= 1;
        crc ^= bit != 0 ? 0xA001u : 0;
    }
    return (uint16_t)crc;
}

static uint32_t byte_us(const meter_simulator *meter)
{
    return BITS * 1000000u / meter->baud;
}

/* Puts bytes on the line behind what is there, the first of them at a time. */
static void say(meter_simulator *meter, const uint8_t *bytes, size_t n, uint32_t first_us)
{
    for (size_t k = 0; k < n && meter->n_line < METER_SIMULATOR_LINE; k++) {
        meter->line[meter->n_line] = bytes[k];
        meter->arrives_us[meter->n_line] = first_us + (uint32_t)(k + 1) * byte_us(meter);
        meter->n_line++;
    }
}

static size_t with_crc(uint8_t *frame, size_t n)
{
    const uint16_t crc = crc_of(frame, n);
    frame[n] = (uint8_t)crc;
    frame[n + 1] = (uint8_t)(crc >> 8);
    return n + 2;
}

/* What the protocol answers to a request, or an exception; 0 bytes to one that is not for this meter. */
static size_t reply_to(meter_simulator *meter, const uint8_t *request, size_t n, uint32_t faults, uint8_t *reply)
{
    const uint32_t *values = (faults & METER_FAULT_FROZEN) != 0 ? meter->frozen : meter->values;
    if (n != 8 || crc_of(request, 6) != (uint16_t)(request[6] | request[7] << 8) || request[0] != meter->unit) {
        return 0;
    }
    const uint32_t first = (uint32_t)request[2] << 8 | request[3];
    const uint32_t count = (uint32_t)request[4] << 8 | request[5];
    const bool there = count >= 1 && count <= 80 && first % 2 == 0 && count % 2 == 0 &&
                       first + count <= 2 * METER_SIMULATOR_VALUES;
    reply[0] = meter->unit;
    reply[1] = request[1];
    if ((faults & METER_FAULT_REFUSES) != 0 || request[1] != READ_INPUT || !there) {
        reply[1] = (uint8_t)(request[1] | 0x80u);
        reply[2] = (faults & METER_FAULT_REFUSES) != 0 ? meter->exception
                   : request[1] != READ_INPUT          ? ILLEGAL_FUNCTION
                                                       : ILLEGAL_ADDRESS;
        return with_crc(reply, 3);
    }
    reply[2] = (uint8_t)(2 * count);
    for (uint32_t k = 0; k < 2 * count; k++) {
        const uint32_t value = values[(first + k / 2) / 2];
        reply[3 + k] = (uint8_t)(value >> (24 - 8 * (k % 4)));
    }
    return with_crc(reply, 3 + 2 * count);
}

static void write_request(void *context, const uint8_t *bytes, size_t n)
{
    static const uint8_t noise[] = {0x00, 0xFF, 0x01, 0x04, 0x48};
    meter_simulator *meter = context;
    uint8_t other[5] = {(uint8_t)(meter->unit + 1), READ_INPUT | 0x80u, ILLEGAL_ADDRESS};
    uint8_t reply[3 + 160 + 2] = {0};
    uint32_t faults = meter->faults;
    uint32_t at_us = meter->now_us + (uint32_t)n * byte_us(meter);
    meter->n_requests++;
    if (meter->n_spared > 0) {
        meter->n_spared--;
        faults = 0;
    }
    if ((faults & METER_FAULT_ECHO) != 0) {
        say(meter, bytes, n, meter->now_us);
    }
    size_t length = reply_to(meter, bytes, n, faults, reply);
    if (length == 0 || (faults & METER_FAULT_ABSENT) != 0) {
        return;
    }
    if ((faults & METER_FAULT_FROZEN) == 0) {
        memcpy(meter->frozen, meter->values, sizeof meter->frozen);
    }
    at_us += meter->think_us;
    if ((faults & METER_FAULT_OTHER_UNIT) != 0) {
        say(meter, other, with_crc(other, 3), at_us);
        at_us += 10 * byte_us(meter);
    }
    if ((faults & METER_FAULT_NOISE) != 0) {
        say(meter, noise, sizeof noise, at_us);
        at_us += (uint32_t)sizeof noise * byte_us(meter);
    }
    if ((faults & METER_FAULT_FLIPPED) != 0) {
        reply[length / 2] ^= 0x10u;
    }
    if ((faults & METER_FAULT_SHORT) != 0) {
        length -= 3;
    }
    say(meter, reply, length, at_us);
}

static size_t read_line(void *context, uint8_t *bytes, size_t size)
{
    meter_simulator *meter = context;
    size_t n = 0;
    if ((meter->faults & METER_FAULT_BABBLES) != 0) {
        bytes[0] = meter->unit; /* as a reply would begin */
        return 1;
    }
    while (n < size && meter->n_read < meter->n_line &&
           (int32_t)(meter->now_us - meter->arrives_us[meter->n_read]) >= 0) {
        bytes[n] = meter->line[meter->n_read];
        n++;
        meter->n_read++;
    }
    if (meter->n_read == meter->n_line) {
        meter->n_read = 0;
        meter->n_line = 0;
    }
    return n;
}

wp_serial meter_simulator_line(meter_simulator *meter)
{
    return (wp_serial){.context = meter, .read = read_line, .write = write_request};
}
