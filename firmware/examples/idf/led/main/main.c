/* An LED that is on while something charges and off when it is full or nothing is there, and a line on the console:
 * without a host. An INA226 at address 0x40 with a shunt of 10 mohm.
 */
#include <stdio.h>

#include "driver/gpio.h"
#include "driver/i2c_master.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "wattprint.h"

#define PIN_SDA 21
#define PIN_SCL 22
#define PIN_LED GPIO_NUM_2
#define ADDRESS 0x40
#define SHUNT_UOHM 10000
#define I2C_LIMIT_MS 5

static wattprint meter;
static i2c_master_dev_handle_t sensor;

static bool transfer(void *context, uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    (void)context;
    (void)address; /* there is one device */
    const esp_err_t error = n_in == 0 ? i2c_master_transmit(sensor, out, n_out, I2C_LIMIT_MS)
                                      : i2c_master_transmit_receive(sensor, out, n_out, in, n_in, I2C_LIMIT_MS);
    return error == ESP_OK;
}

static void on_answer(void *context, const wattprint_answer *answer)
{
    (void)context;
    switch (answer->event) {
    case WATTPRINT_PLUG:
        (void)gpio_set_level(PIN_LED, 1);
        break;
    case WATTPRINT_ANSWER:
        (void)gpio_set_level(PIN_LED, answer->phase != WATTPRINT_FULL);
        printf("%s: %d min until full\n", answer->device_name, (int)(answer->remaining_s / 60));
        break;
    case WATTPRINT_UNPLUG:
        (void)gpio_set_level(PIN_LED, 0);
        printf("gone\n");
        break;
    case WATTPRINT_FAULT:
        printf("sensor at fault: %d\n", (int)answer->fault);
        break;
    case WATTPRINT_WELL:
        break;
    }
}

static bool start_sensor(void)
{
    const i2c_master_bus_config_t wires = {.i2c_port = -1,
                                           .sda_io_num = (gpio_num_t)PIN_SDA,
                                           .scl_io_num = (gpio_num_t)PIN_SCL,
                                           .clk_source = I2C_CLK_SRC_DEFAULT,
                                           .glitch_ignore_cnt = 7,
                                           .flags = {.enable_internal_pullup = true}};
    const i2c_device_config_t chip = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7, .device_address = ADDRESS, .scl_speed_hz = 400000};
    i2c_master_bus_handle_t bus;
    return i2c_new_master_bus(&wires, &bus) == ESP_OK && i2c_master_bus_add_device(bus, &chip, &sensor) == ESP_OK;
}

void app_main(void);

void app_main(void)
{
    (void)gpio_reset_pin(PIN_LED);
    (void)gpio_set_direction(PIN_LED, GPIO_MODE_OUTPUT);
    if (!start_sensor() || !wattprint_begin(&meter, on_answer, NULL)) {
        printf("cannot start\n");
        return;
    }
    wattprint_use_sensor(&meter, WATTPRINT_INA226, ADDRESS, SHUNT_UOHM, transfer, NULL);
    for (;;) {
        const uint32_t wait_ms = wattprint_measure(&meter, (uint32_t)(esp_timer_get_time() / 1000));
        vTaskDelay((TickType_t)(wait_ms * configTICK_RATE_HZ / 1000 + 1));
    }
}
