#pragma once
namespace esphome {
namespace binary_sensor {
class BinarySensor {
 public:
  void publish_state(bool state) { this->state = state; }
  bool state{};
};
}  // namespace binary_sensor
}  // namespace esphome
