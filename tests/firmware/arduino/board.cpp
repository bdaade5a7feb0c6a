// Stands for an Arduino board in tests: its clock, its LED on stdout, and an INA226 at 0x40 with 10 mOhm on its bus.
// argv: what happens, as SECONDS:EVENT …; events: plug (2 A at 5 V), leave, cut (the bus is stuck), mend, end.
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "Arduino.h"
#include "Wire.h"
extern "C" {
#include "ina_simulator.h"
}

void setup();
void loop();

TwoWire Wire;
static unsigned long now_ms;
static ina_simulator chip;
static uint8_t address, out[8], in[8];
static size_t n_out, n_in, taken;
static bool open_transfer;  // endTransmission(false): a repeated start follows
static bool is_output;
static int level = -1;

unsigned long millis(void) { return now_ms; }
void delay(unsigned long ms) { now_ms += ms; }

void pinMode(uint8_t pin, uint8_t mode)
{
  assert(pin == LED_BUILTIN && mode == OUTPUT);
  is_output = true;
}

void digitalWrite(uint8_t pin, uint8_t value)
{
  assert(is_output && pin == LED_BUILTIN);
  if (value != level) printf("%lu %d\n", now_ms, value);
  level = value;
}

void TwoWire::begin() {}

void TwoWire::beginTransmission(uint8_t to)
{
  address = to;
  n_out = 0;
}

size_t TwoWire::write(const uint8_t *bytes, size_t n)
{
  assert(n_out + n <= sizeof out);
  memcpy(out + n_out, bytes, n);
  n_out += n;
  return n;
}

uint8_t TwoWire::endTransmission(bool stop)
{
  const wp_i2c bus = ina_simulator_bus(&chip);
  open_transfer = !stop;
  return bus.transfer(bus.context, address, out, n_out, NULL, 0) == WP_I2C_OK ? 0 : 2;
}

uint8_t TwoWire::requestFrom(uint8_t from, uint8_t n)
{
  const wp_i2c bus = ina_simulator_bus(&chip);
  assert(open_transfer && n <= sizeof in);
  taken = 0;
  n_in = bus.transfer(bus.context, from, NULL, 0, in, n) == WP_I2C_OK ? n : 0;
  return (uint8_t)n_in;
}

int TwoWire::read() { return taken < n_in ? in[taken++] : -1; }

int main(int argc, char *argv[])
{
  ina_simulator_init(&chip, true, 0x40, 10000);
  setup();
  for (int k = 1; k < argc; k++) {
    const unsigned long at_ms = 1000ul * strtoul(argv[k], NULL, 10);
    const char *event = strchr(argv[k], ':') + 1;
    while (now_ms < at_ms) loop();
    if (strcmp(event, "plug") == 0) {
      chip.current_ua = 2000000;
      chip.voltage_uv = 5000000;
    } else if (strcmp(event, "leave") == 0) {
      chip.current_ua = chip.voltage_uv = 0;
    } else if (strcmp(event, "cut") == 0) {
      chip.faults = INA_FAULT_STUCK;
    } else if (strcmp(event, "mend") == 0) {
      chip.faults = 0;
    }
  }
  return 0;
}
