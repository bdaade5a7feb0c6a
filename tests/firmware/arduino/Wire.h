// The part of Arduino's TwoWire that the packaged example uses.
#pragma once
#include <stddef.h>
#include <stdint.h>

class TwoWire {
 public:
  void begin();
  void beginTransmission(uint8_t address);
  size_t write(const uint8_t *bytes, size_t n);
  uint8_t endTransmission(bool stop);
  uint8_t requestFrom(uint8_t address, uint8_t n);
  int read();
};

extern TwoWire Wire;
