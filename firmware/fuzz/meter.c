/* Fuzzes the Modbus master and the meter's driver: whatever comes on the line, whenever. tools/fuzz.py builds and runs this. */
#include <stdlib.h>

#include "fuzz.h"
#include "wp/sdm.h"

enum { RAW = 0, FRAMED = 1 };

static struct {
    const uint8_t *data;
    size_t size;
    uint8_t frame[WP_MODBUS_REPLY_MAX];
    size_t n_frame;
    size_t n_sent;
    uint8_t kind;
} world;

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static uint8_t next(void)
{
    uint8_t byte = 0;
    if (world.size > 0) {
        byte = *world.data;
        world.data++;
        world.size--;
    }
    return byte;
}

/* In half of the inputs the request is answered by a frame that is right but for its data: else few would get there. */
static void take_request(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    check(n == 8 && bytes[0] == 1 && bytes[1] == 4 && wp_modbus_crc(bytes, 8) == 0);
    world.n_frame = 0;
    world.n_sent = 0;
    world.kind = next() & 1u;
    if (world.kind == FRAMED) {
        const size_t n_data = 2u * bytes[5];
        world.frame[0] = 1;
        world.frame[1] = 4;
        world.frame[2] = (uint8_t)n_data;
        for (size_t k = 0; k < n_data; k++) {
            world.frame[3 + k] = next();
        }
        const uint16_t crc = wp_modbus_crc(world.frame, 3 + n_data);
        world.frame[3 + n_data] = (uint8_t)crc;
        world.frame[4 + n_data] = (uint8_t)(crc >> 8);
        world.n_frame = 5 + n_data;
    }
}

static size_t give(void *context, uint8_t *bytes, size_t size)
{
    (void)context;
    size_t n = 0;
    const size_t wanted = next() % 16u;
    while (n < size && n < wanted && (world.n_sent < world.n_frame || world.size > 0)) {
        if (world.n_sent < world.n_frame) {
            bytes[n] = world.frame[world.n_sent];
            world.n_sent++;
        } else {
            bytes[n] = next();
        }
        n++;
    }
    return n;
}

static void check_reading(const wp_meter_reading *reading)
{
    wp_vehicle_sample sample;
    check(wp_meter_sample(reading, 1, &sample) == (reading->status == WP_METER_OK));
    if (reading->status != WP_METER_OK) {
        check(reading->status <= WP_METER_FROZEN);
        return;
    }
    for (uint32_t k = 0; k < WP_N_PHASES; k++) {
        const int32_t factor = reading->power_factor_permille[k];
        check(reading->voltage_mv[k] >= 0 && reading->voltage_mv[k] <= WP_VOLTAGE_MAX_MV);
        check(reading->current_ma[k] >= -WP_CURRENT_MAX_MA && reading->current_ma[k] <= WP_CURRENT_MAX_MA);
        check(factor == WP_MISSING || (factor >= -1000 && factor <= 1000));
        check((int64_t)reading->current_ma[k] * reading->power_w[k] >= 0);
    }
    check(reading->energy_wh >= 0 && reading->frequency_mhz >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const wp_serial line = {.read = give, .write = take_request};
    static const wp_modbus_config config = {.baud = 9600, .timeout_us = 10000, .unit = 1, .retries = 1};
    wp_sdm sdm;
    wp_meter_reading reading;
    uint32_t now_us = 0xFFF00000u;
    fuzz_count(size);
    memset(&world, 0, sizeof world);
    world.data = data;
    world.size = size;
    wp_sdm_init(&sdm, &line, &config);
    const wp_meter meter = wp_sdm_meter(&sdm);
    while (world.size > 0) {
        const size_t before = world.size;
        (void)meter.begin(meter.context, now_us);
        now_us += 100u * next();
        if (meter.poll(meter.context, now_us, &reading)) {
            check_reading(&reading);
        }
        check(sdm.bus.n_bytes <= WP_MODBUS_REPLY_MAX);
        check(world.size < before);
    }
    return 0;
}
