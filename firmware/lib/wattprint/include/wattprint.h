/* wattprint.h: which device is charging, and how long until it is full. Readings go in, answers come by callback.
 *
 *     static wattprint meter;
 *
 *     static void on_answer(void *context, const wattprint_answer *answer)
 *     {
 *         if (answer->event == WATTPRINT_ANSWER) { show(answer->device_name, answer->remaining_s / 60); }
 *     }
 *
 *     wattprint_begin(&meter, on_answer, NULL);
 *     for (;;) { wattprint_feed(&meter, milliseconds(), voltage_mv, current_ma); wait_a_second(); }
 *
 * No heap, no floating point, no threads: all work is done within wattprint_feed, and callbacks are called from there.
 * For C and C++.
 */
#ifndef WATTPRINT_H
#define WATTPRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum wattprint_event {
    WATTPRINT_PLUG = 0,   /* a charge has begun: current flows */
    WATTPRINT_ANSWER = 1, /* one reading of a charge and its answer */
    WATTPRINT_UNPLUG = 2, /* the charge has ended: nothing flows any more, or nothing was measured for a minute */
    WATTPRINT_FAULT = 3,  /* the sensor is not to be believed: answer->fault. There are no answers meanwhile */
    WATTPRINT_WELL = 4    /* it is again */
} wattprint_event;

typedef enum wattprint_phase {
    WATTPRINT_PRECHARGE = 0,
    WATTPRINT_CONSTANT_CURRENT = 1,
    WATTPRINT_CONSTANT_VOLTAGE = 2,
    WATTPRINT_FULL = 3
} wattprint_phase;

typedef enum wattprint_sensor_fault {
    WATTPRINT_NO_FAULT = 0,
    WATTPRINT_NO_ANSWER = 1,   /* none on the bus, or wattprint_feed_fault was called */
    WATTPRINT_SATURATED = 2,   /* beyond what the sensor can measure */
    WATTPRINT_FROZEN = 3,      /* it converts no more */
    WATTPRINT_OUT_OF_RANGE = 4 /* a value that cannot be; a shunt the wrong way round */
} wattprint_sensor_fault;

typedef struct wattprint_answer {
    wattprint_event event;
    wattprint_sensor_fault fault; /* with WATTPRINT_FAULT */
    /* The rest with WATTPRINT_ANSWER: */
    int16_t device;               /* index into the model's devices; -1: none that the model knows */
    const char *device_name;      /* "unknown" for -1 */
    uint16_t confidence_permille; /* 0..1000 */
    int32_t remaining_s;          /* until full: as likely less as more */
    int32_t remaining_least_s;    /* one charge of ten is full before */
    int32_t remaining_most_s;     /* and one of ten after */
    wattprint_phase phase;
} wattprint_answer;

typedef void (*wattprint_callback)(void *context, const wattprint_answer *answer);

/* State of one meter; the caller owns it. What is inside is not for anybody else. */
#define WATTPRINT_STATE_WORDS 72
typedef struct wattprint {
    uint64_t state[WATTPRINT_STATE_WORDS];
} wattprint;

/* Begins, with nothing plugged in. The callback's context is handed to it. False: the library was put together from
 * parts that do not belong together. */
bool wattprint_begin(wattprint *meter, wattprint_callback callback, void *context);

/* Takes a reading of now.
 *
 *   now_ms      free-running milliseconds, wrap at 2^32; at least one call an hour
 *   voltage_mv  at the device
 *   current_ma  positive into the device
 *
 * Once a second is right; readings that come sooner are left out. */
void wattprint_feed(wattprint *meter, uint32_t now_ms, int32_t voltage_mv, int32_t current_ma);

/* The same when the sensor gave none. */
void wattprint_feed_fault(wattprint *meter, uint32_t now_ms);

/* A transfer on an I2C bus: writes n_out bytes to a 7-bit address, then, with a repeated start, reads n_in (0: none).
 * False when nobody acknowledges, or the bus is stuck; within a few ms. */
typedef bool (*wattprint_i2c)(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in,
                              size_t n_in);

/* Sensors with a driver here, for wattprint_use_sensor. */
typedef enum wattprint_sensor { WATTPRINT_INA219 = 1, WATTPRINT_INA226 = 2 } wattprint_sensor;

/* Measures with a chip on a bus from now on: wattprint_measure.
 *
 *   shunt_uohm  of its shunt, for instance 10000 for 10 mohm */
void wattprint_use_sensor(wattprint *meter, wattprint_sensor sensor, uint8_t address, int32_t shunt_uohm,
                          wattprint_i2c transfer, void *context);

/* wattprint_feed with a measurement of that chip, and its faults. Returns the milliseconds until it wants to be called
 * again; sooner is no error. */
uint32_t wattprint_measure(wattprint *meter, uint32_t now_ms);

#ifdef __cplusplus
}
#endif

#endif
