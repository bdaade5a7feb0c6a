// Stands for an ESPHome node in tests: reads "milliseconds volts amperes" from stdin, NaN included, and says what the
// component has published after each.
#include <iostream>

#include "wattprint_meter.h"

namespace esphome {
static uint32_t now_ms;
uint32_t millis() { return now_ms; }
const float setup_priority::DATA = 600.0f;
}  // namespace esphome

int main()
{
  using namespace esphome;
  static sensor::Sensor voltage, current, remaining, least, most, confidence;
  static text_sensor::TextSensor device;
  static binary_sensor::BinarySensor charging, full;
  static wattprint_meter::WattprintMeter meter;
  meter.set_voltage(&voltage);
  meter.set_current(&current);
  meter.set_device(&device);
  meter.set_remaining(&remaining);
  meter.set_remaining_least(&least);
  meter.set_remaining_most(&most);
  meter.set_confidence(&confidence);
  meter.set_charging(&charging);
  meter.set_full(&full);
  meter.setup();
  std::string volts, amperes;
  while (!meter.is_failed() && std::cin >> now_ms >> volts >> amperes) {
    voltage.publish_state(std::strtof(volts.c_str(), nullptr));
    current.publish_state(std::strtof(amperes.c_str(), nullptr));
    meter.update();
    std::printf("%s;%.3f;%.3f;%.3f;%.1f;%d;%d\n", device.state.c_str(), remaining.state, least.state, most.state,
                confidence.state, charging.state, full.state);
  }
  return meter.is_failed();
}
