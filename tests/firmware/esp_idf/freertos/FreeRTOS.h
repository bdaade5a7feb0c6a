#pragma once
#include <stdint.h>
typedef uint32_t TickType_t;
typedef unsigned int UBaseType_t;
#ifndef configTICK_RATE_HZ
#define configTICK_RATE_HZ 1000
#endif
