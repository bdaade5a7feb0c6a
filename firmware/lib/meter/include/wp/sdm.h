/* wp/sdm.h: the meters Eastron SDM630-Modbus and SDM72D-M-2, three phases and four wires, over Modbus RTU.
 *
 * Input registers (Eastron, SDM630-Modbus V2 protocol), each value a float32 in two of them, high word first:
 *
 *     0x0000 ...  V, A, W, VA, var and power factor, of L1, L2, L3 each: 36 registers
 *     0x0046 ...  Hz, kWh imported, kWh exported: 6 registers
 *
 * Two requests a reading: 0.2 s at 9600 baud and 0.13 s at 19200, at what the meter takes to think. Its floats hold 24
 * bits: the energy's step is 1 Wh beyond 8192 kWh and 2 Wh beyond 16384.
 *
 *     static wp_sdm sdm;
 *     static wp_meter meter;
 *     wp_sdm_init(&sdm, &line, &config);
 *     meter = wp_sdm_meter(&sdm);
 */
#ifndef WP_SDM_H
#define WP_SDM_H

#include "wp/meter.h"
#include "wp/modbus.h"

/* What fits a meter as it comes out of its box, by its display: address 1, 9600 baud, 8N1. */
#define WP_SDM_UNIT 1
#define WP_SDM_BAUD 9600
#define WP_SDM_TIMEOUT_US 300000
#define WP_SDM_RETRIES 2

typedef struct wp_sdm {
    wp_modbus bus;
    bool reading;
    bool second;     /* the second block is asked for */
    uint8_t n_same;  /* readings in a row with the same bits; saturates */
    uint16_t bits;   /* CRC of the latest first block */
    wp_meter_reading so_far;
} wp_sdm;

/* Takes a line and a configuration, which is copied. */
void wp_sdm_init(wp_sdm *sdm, const wp_serial *line, const wp_modbus_config *config);

/* The meter's table; `sdm` has to live as long. */
wp_meter wp_sdm_meter(wp_sdm *sdm);

#endif
