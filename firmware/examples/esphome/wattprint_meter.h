// An ESPHome component that hands the readings of two sensors to wattprint.h, and its answers to others.
#pragma once

#include "esphome/components/binary_sensor/binary_sensor.h"
#include "esphome/components/sensor/sensor.h"
#include "esphome/components/text_sensor/text_sensor.h"
#include "esphome/core/component.h"
#include "wattprint.h"

namespace esphome {
namespace wattprint_meter {

class WattprintMeter : public PollingComponent {
 public:
  void setup() override;
  void update() override;
  float get_setup_priority() const override;

  void set_voltage(sensor::Sensor *input) { this->voltage_ = input; }
  void set_current(sensor::Sensor *input) { this->current_ = input; }
  void set_device(text_sensor::TextSensor *output) { this->device_ = output; }
  void set_remaining(sensor::Sensor *output) { this->remaining_ = output; }
  void set_remaining_least(sensor::Sensor *output) { this->remaining_least_ = output; }
  void set_remaining_most(sensor::Sensor *output) { this->remaining_most_ = output; }
  void set_confidence(sensor::Sensor *output) { this->confidence_ = output; }
  void set_charging(binary_sensor::BinarySensor *output) { this->charging_ = output; }
  void set_full(binary_sensor::BinarySensor *output) { this->full_ = output; }

 protected:
  static void on_answer(void *context, const wattprint_answer *answer);
  void tell(const wattprint_answer *answer);
  void forget();

  wattprint meter_;
  sensor::Sensor *voltage_{nullptr};
  sensor::Sensor *current_{nullptr};
  text_sensor::TextSensor *device_{nullptr};
  sensor::Sensor *remaining_{nullptr};
  sensor::Sensor *remaining_least_{nullptr};
  sensor::Sensor *remaining_most_{nullptr};
  sensor::Sensor *confidence_{nullptr};
  binary_sensor::BinarySensor *charging_{nullptr};
  binary_sensor::BinarySensor *full_{nullptr};
};

}  // namespace wattprint_meter
}  // namespace esphome
