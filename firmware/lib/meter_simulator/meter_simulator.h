/* meter_simulator.h: an SDM630 at the other end of a simulated RS-485 line: its registers, what it measures, and faults.
 *
 * Written from the meter's protocol description and Modbus over Serial Line V1.02, not from the driver. Bytes take their
 * time on the line, in both directions.
 */
#ifndef METER_SIMULATOR_H
#define METER_SIMULATOR_H

#include "wp/serial.h"

/* Faults, which may be combined. */
enum {
    METER_FAULT_ABSENT = 0x01,    /* no supply, or a broken wire */
    METER_FAULT_FLIPPED = 0x02,   /* a bit of each reply is wrong */
    METER_FAULT_SHORT = 0x04,     /* each reply ends early */
    METER_FAULT_OTHER_UNIT = 0x08, /* another unit's frame comes before each reply */
    METER_FAULT_NOISE = 0x10,     /* a few bytes of noise come before each reply */
    METER_FAULT_ECHO = 0x20,      /* the transceiver hears what it sends */
    METER_FAULT_REFUSES = 0x40,   /* an exception instead of a reply: `exception` */
    METER_FAULT_FROZEN = 0x80,    /* it answers with what it last measured */
    METER_FAULT_BABBLES = 0x100   /* somebody sends without a pause */
};

#define METER_SIMULATOR_VALUES 38 /* registers 0x0000 ... 0x004B, two a value */
#define METER_SIMULATOR_LINE 512

typedef struct meter_simulator {
    uint32_t now_us; /* set by the test: its clock */
    uint32_t baud;
    uint32_t think_us; /* from a request's last byte to its reply's first */
    uint8_t unit;
    uint8_t exception;
    uint32_t faults;
    uint32_t n_spared; /* so many replies come without a fault first */
    uint32_t values[METER_SIMULATOR_VALUES]; /* what it measures now: a float32's bits each, as in the protocol */

    uint32_t n_requests; /* counted for tests */
    uint32_t frozen[METER_SIMULATOR_VALUES];
    uint8_t line[METER_SIMULATOR_LINE]; /* on their way to the board, and when each of them is there */
    uint32_t arrives_us[METER_SIMULATOR_LINE];
    uint32_t n_line;
    uint32_t n_read;
} meter_simulator;

/* A meter with every value 0, at 9600 baud. */
void meter_simulator_init(meter_simulator *meter, uint8_t unit);

/* Sets value number `index`, register 2 x index, to millis / 1000 as the nearest float32. */
void meter_simulator_set(meter_simulator *meter, uint32_t index, int64_t millis);

/* The line with this meter alone on it. */
wp_serial meter_simulator_line(meter_simulator *meter);

#endif
