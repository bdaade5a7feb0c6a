#include "wattprint_meter.h"

#include <cmath>

#include "esphome/core/hal.h"
#include "esphome/core/log.h"

namespace esphome {
namespace wattprint_meter {

static const char *const TAG = "wattprint";

static void publish(sensor::Sensor *output, float value) {
  if (output != nullptr)
    output->publish_state(value);
}

static void publish(binary_sensor::BinarySensor *output, bool value) {
  if (output != nullptr)
    output->publish_state(value);
}

static void publish(text_sensor::TextSensor *output, const char *value) {
  if (output != nullptr)
    output->publish_state(value);
}

float WattprintMeter::get_setup_priority() const { return setup_priority::DATA; }

void WattprintMeter::setup() {
  if (!wattprint_begin(&this->meter_, on_answer, this)) {
    ESP_LOGE(TAG, "the model was generated for another core: package it again");
    this->mark_failed();
    return;
  }
  this->forget();
}

// A sensor that has not measured, or cannot, says NaN.
void WattprintMeter::update() {
  const float voltage = this->voltage_->state;
  const float current = this->current_->state;
  if (std::isfinite(voltage) && std::isfinite(current) && std::fabs(voltage) < 1e6f && std::fabs(current) < 1e6f) {
    wattprint_feed(&this->meter_, millis(), (int32_t) std::lround(voltage * 1000.0f),
                   (int32_t) std::lround(current * 1000.0f));
  } else {
    wattprint_feed_fault(&this->meter_, millis());
  }
}

void WattprintMeter::on_answer(void *context, const wattprint_answer *answer) {
  static_cast<WattprintMeter *>(context)->tell(answer);
}

// What nobody knows is NaN and an empty text, never the latest guess.
void WattprintMeter::forget() {
  publish(this->device_, "");
  publish(this->remaining_, NAN);
  publish(this->remaining_least_, NAN);
  publish(this->remaining_most_, NAN);
  publish(this->confidence_, NAN);
  publish(this->charging_, false);
  publish(this->full_, false);
}

void WattprintMeter::tell(const wattprint_answer *answer) {
  switch (answer->event) {
    case WATTPRINT_ANSWER:
      publish(this->device_, answer->device_name);
      publish(this->remaining_, answer->remaining_s / 60.0f);
      publish(this->remaining_least_, answer->remaining_least_s / 60.0f);
      publish(this->remaining_most_, answer->remaining_most_s / 60.0f);
      publish(this->confidence_, answer->confidence_permille / 10.0f);
      publish(this->charging_, answer->phase != WATTPRINT_FULL);
      publish(this->full_, answer->phase == WATTPRINT_FULL);
      break;
    case WATTPRINT_FAULT:
      ESP_LOGW(TAG, "the sensor is not to be believed: fault %d", (int) answer->fault);
      this->forget();
      break;
    case WATTPRINT_UNPLUG:
      this->forget();
      break;
    default:
      break;
  }
}

}  // namespace wattprint_meter
}  // namespace esphome
