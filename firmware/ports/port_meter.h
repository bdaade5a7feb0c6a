/* port_meter.h: what a board supplies besides port.h at a charge point: a serial line of its own for an energy meter, and
 * what the charge point's control knows and takes.
 *
 * Only programs for charge points ask for it; from others the linker leaves it out. Every port has the functions; one
 * without a line for a meter returns NULL, one without the control knows nothing.
 */
#ifndef PORT_METER_H
#define PORT_METER_H

#include "wp/serial.h"

/* Sets the meter's line up: 8 data bits, no parity, 1 stop bit. Called after port_init, and again for another rate: the
 * line from before is then no more.
 *
 *   baud  of the meter, 1200 ... 115200: WP_SDM_BAUD as it comes
 *
 * Returns the line, or NULL on a board without one. */
const wp_serial *port_meter_line(uint32_t baud);

/* What the charge point knows of the vehicle now: that it is there, by the pilot's voltage; the current the pilot allows,
 * by its duty (IEC 61851: 0.1 A a tenth of duty to 85 %); the state of charge, where the link tells it. */
typedef struct port_vehicle {
    int32_t there;    /* 1: a vehicle, 0: none; negative: not known */
    int32_t pilot_da; /* negative: not known */
    int32_t soc_pct;  /* negative: not told */
} port_vehicle;

#define PORT_VEHICLE_NOT_KNOWN ((port_vehicle){.there = -1, .pilot_da = -1, .soc_pct = -1})

/* A moment's look, at most a few ms. */
port_vehicle port_vehicle_now(void);

/* What advice asks for, at changes only, and only where its settings wish it: whether to charge, and with how much at
 * most. It is no protection, and whoever controls the charger may do otherwise. */
void port_vehicle_enable(bool on, int32_t limit_ma);

#endif
