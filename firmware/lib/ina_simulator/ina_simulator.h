/* ina_simulator.h: an INA219 or INA226 on a simulated I2C bus: its registers, what flows through its shunt, and faults.
 *
 * Written from the data sheets (SBOS448, SBOS547), not from the driver.
 */
#ifndef INA_SIMULATOR_H
#define INA_SIMULATOR_H

#include "wp/i2c.h"

/* Faults, which may be combined. */
enum {
    INA_FAULT_ABSENT = 0x01,   /* nobody at that address */
    INA_FAULT_STUCK = 0x02,    /* a bus line is held down: no transfer succeeds */
    INA_FAULT_FROZEN = 0x04,   /* the chip answers and converts no more */
    INA_FAULT_FLOATING = 0x08, /* acknowledged, but the data line is open: every bit reads 1 */
};

typedef struct ina_simulator {
    bool is_226; /* else an INA219 */
    uint8_t address;
    int32_t shunt_uohm;
    int32_t current_ua; /* what flows now */
    int32_t voltage_uv;
    uint32_t faults;
    uint16_t maker; /* what an INA226 says of itself */
    uint16_t die;
    uint32_t looks_busy;  /* so many looks at the ready bit until a conversion ends, after each configuration */

    uint32_t n_transfers; /* counted for tests */
    uint32_t n_configured;
    uint16_t configuration;
    uint16_t shunt; /* registers as last converted */
    uint16_t bus;
    uint8_t pointer;
    uint32_t looks_left;
    bool ready;
} ina_simulator;

/* A chip that has just got its supply, with 0 A and 0 V. */
void ina_simulator_init(ina_simulator *chip, bool is_226, uint8_t address, int32_t shunt_uohm);

/* Its supply fails for a moment: it forgets its configuration. */
void ina_simulator_lose_supply(ina_simulator *chip);

/* The bus with this chip alone on it. */
wp_i2c ina_simulator_bus(ina_simulator *chip);

#endif
