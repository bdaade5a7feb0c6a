// What the packaged component uses of ESPHome (esphome/core/component.h), declared as there.
#pragma once
#include <cstdint>
#include <string>

namespace esphome {

namespace setup_priority {
extern const float DATA;
}

class Component {
 public:
  virtual ~Component() = default;
  virtual void setup() {}
  virtual float get_setup_priority() const { return 0.0f; }
  virtual void mark_failed() { this->failed_ = true; }
  bool is_failed() const { return this->failed_; }

 protected:
  bool failed_{false};
};

class PollingComponent : public Component {
 public:
  virtual void update() = 0;
};

}  // namespace esphome
