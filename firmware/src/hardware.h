/* hardware.h: what the core asks of a board (wp/port.h), made of the board's parts (ports/port.h): its line and clocks as
 * they are, a driver for the sensor its settings name, or at a charge point for the meter, and the settings from flash.
 */
#ifndef HARDWARE_H
#define HARDWARE_H

#include "wp/port.h"

/* After port_init. The port that it returns is for wp_board_init; its sensor follows the settings. */
const wp_port *hardware_start(void);

#endif
