// An LED that says how the charge goes, without a host: an INA226 at address 0x40 with a shunt of 10 mOhm.
//
//   off            nothing is charging
//   slow blinking  charging; as many short blinks in a row as tens of minutes remain, six at most
//   on             full
//   fast blinking  the sensor is not to be believed: look at its wires
#include <Wire.h>
#include <wattprint.h>

#ifndef LED_BUILTIN
#define LED_BUILTIN 2
#endif

enum Light { OFF, CHARGING, FULL, FAULT };

static wattprint meter;
static Light light = OFF;
static uint8_t blinks = 1;

static bool transfer(void *, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
  Wire.beginTransmission(address);
  Wire.write(out, n_out);
  if (Wire.endTransmission(n_in == 0) != 0) return false;
  if (n_in == 0) return true;
  if (Wire.requestFrom(address, (uint8_t)n_in) != n_in) return false;
  for (size_t k = 0; k < n_in; k++) in[k] = Wire.read();
  return true;
}

static void on_answer(void *, const wattprint_answer *answer)
{
  switch (answer->event) {
    case WATTPRINT_PLUG:
    case WATTPRINT_WELL: light = CHARGING; break;
    case WATTPRINT_UNPLUG: light = OFF; break;
    case WATTPRINT_FAULT: light = FAULT; break;
    case WATTPRINT_ANSWER:
      light = answer->phase == WATTPRINT_FULL ? FULL : CHARGING;
      blinks = 1 + answer->remaining_s / 600 < 6 ? 1 + answer->remaining_s / 600 : 6;
      break;
  }
}

static bool is_lit(uint32_t now_ms)
{
  const uint32_t part = now_ms / 200 % 20;  // a round takes four seconds
  switch (light) {
    case OFF: return false;
    case FULL: return true;
    case FAULT: return now_ms / 100 % 2 == 0;
    default: return part % 2 == 0 && part / 2 < blinks;
  }
}

void setup()
{
  pinMode(LED_BUILTIN, OUTPUT);
  Wire.begin();
  wattprint_begin(&meter, on_answer, NULL);
  wattprint_use_sensor(&meter, WATTPRINT_INA226, 0x40, 10000, transfer, NULL);
}

void loop()
{
  wattprint_measure(&meter, millis());
  digitalWrite(LED_BUILTIN, is_lit(millis()) ? HIGH : LOW);
  delay(20);
}
