/* Stands for ESP-IDF in tests, see README.md. The environment says what happens:
 * SDK_RESET a number of esp_reset_reason_t, SDK_NVS a file that keeps the pages, SDK_CHIP ina219 or ina226 at 0x40 with
 * 10 mohm, SDK_CURRENT_MA what flows through it, SDK_GONE_AFTER_S until when, SDK_SECONDS after how many of them the
 * program ends, or its input counts as closed. */
#define _XOPEN_SOURCE 700

#include <assert.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/gpio.h"
#include "driver/i2c_master.h"
#include "driver/uart.h"
#include "driver/usb_serial_jtag.h"
#include "esp_cpu.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "ina_simulator.h"
#ifdef SDK_METER
#include "meter_simulator.h"
#endif
#include "nvs_flash.h"

void app_main(void);

#define PAGE_BYTES 128u

static int64_t now_us;      /* time passes in waits, and a little with every look */
static int64_t kicked_us;   /* the watchdog's: 5 s */
static bool watched;
static bool line_started;
static uint32_t buffer_bytes;
static struct {
    uint32_t length[2]; /* 0: no such key */
    uint8_t bytes[2][PAGE_BYTES];
} nvs;
static ina_simulator chip;
static bool has_chip;
static uint16_t device_address;
static int token;

static int setting(const char *name, int otherwise)
{
    const char *text = getenv(name);
    return text == NULL ? otherwise : atoi(text);
}

static void pass(int64_t us)
{
    now_us += us;
    assert(!watched || now_us - kicked_us < 5000000);
}

/* Bytes of stdin; when there are none, the wait goes by on the simulated clock. Ends the program with its input. */
static int read_input(void *buf, uint32_t length, uint32_t ticks)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    assert(line_started);
    if (poll(&input, 1, 0) > 0) {
        const ssize_t n = read(STDIN_FILENO, buf, length);
        if (n > 0) {
            return (int)n;
        }
        if (now_us >= (int64_t)setting("SDK_SECONDS", 0) * 1000000) {
            exit(0);
        }
    }
    pass((int64_t)ticks * 1000000 / configTICK_RATE_HZ);
    return 0;
}

static int write_output(const void *src, size_t size)
{
    assert(line_started);
    return (int)fwrite(src, 1, size, stdout);
}

#ifdef SDK_METER
/* On UART1 hangs an SDM630 with address SDK_METER_UNIT. */
static meter_simulator meter;
static enum { METER_OFF, METER_INSTALLED, METER_CONFIGURED, METER_WIRED, METER_ON } meter_step;

static wp_serial meter_line(void)
{
    assert(meter_step == METER_ON);
    meter.now_us = (uint32_t)now_us;
    return meter_simulator_line(&meter);
}

static void start_meter(void)
{
    meter_simulator_init(&meter, (uint8_t)setting("SDK_METER_UNIT", 0));
    for (uint32_t k = 0; k < 3; k++) {
        meter_simulator_set(&meter, k, 230000 + k);
        meter_simulator_set(&meter, 3 + k, 16000 + k);
        meter_simulator_set(&meter, 6 + k, 3680000);
        meter_simulator_set(&meter, 15 + k, 1000);
    }
    meter_simulator_set(&meter, 36, 7654321);
}

esp_err_t uart_set_pin(uart_port_t uart_num, int tx_io_num, int rx_io_num, int rts_io_num, int cts_io_num)
{
    assert(uart_num == UART_NUM_1 && meter_step == METER_CONFIGURED && cts_io_num == UART_PIN_NO_CHANGE);
    assert(tx_io_num >= 0 && rx_io_num >= 0 && rts_io_num >= 0 && tx_io_num != rx_io_num && rx_io_num != rts_io_num);
    meter_step = METER_WIRED;
    return ESP_OK;
}

esp_err_t uart_set_mode(uart_port_t uart_num, uart_mode_t mode)
{
    assert(uart_num == UART_NUM_1 && meter_step == METER_WIRED && mode == UART_MODE_RS485_HALF_DUPLEX);
    meter_step = METER_ON;
    return ESP_OK;
}
#else
esp_err_t uart_set_pin(uart_port_t uart_num, int tx_io_num, int rx_io_num, int rts_io_num, int cts_io_num)
{
    (void)tx_io_num, (void)rx_io_num, (void)rts_io_num, (void)cts_io_num;
    assert(uart_num == UART_NUM_1);
    return ESP_ERR_INVALID_STATE;
}

esp_err_t uart_set_mode(uart_port_t uart_num, uart_mode_t mode)
{
    assert(uart_num == UART_NUM_1 && mode == UART_MODE_RS485_HALF_DUPLEX);
    return ESP_ERR_INVALID_STATE;
}
#endif

esp_err_t uart_driver_install(uart_port_t uart_num, int rx_buffer_size, int tx_buffer_size, int queue_size,
                              QueueHandle_t *uart_queue, int intr_alloc_flags)
{
    assert(rx_buffer_size > 128 && (tx_buffer_size == 0 || tx_buffer_size > 128));
#ifdef SDK_METER
    if (uart_num == UART_NUM_1) {
        meter_step = METER_INSTALLED;
        return ESP_OK;
    }
#endif
    assert(uart_num == UART_NUM_0);
    assert(queue_size == 0 && uart_queue == NULL && intr_alloc_flags == 0);
    buffer_bytes = (uint32_t)rx_buffer_size;
    return ESP_OK;
}

esp_err_t uart_driver_delete(uart_port_t uart_num)
{
    assert(uart_num == UART_NUM_1);
    return ESP_OK;
}

esp_err_t uart_param_config(uart_port_t uart_num, const uart_config_t *config)
{
#ifdef SDK_METER
    if (uart_num == UART_NUM_1) {
        assert(meter_step == METER_INSTALLED && config->baud_rate == 9600 && config->data_bits == UART_DATA_8_BITS);
        meter_step = METER_CONFIGURED;
        return ESP_OK;
    }
#endif
    assert(uart_num == UART_NUM_0 && config->baud_rate == 115200 && config->data_bits == UART_DATA_8_BITS);
    assert(buffer_bytes > 0 && config->parity == UART_PARITY_DISABLE && config->stop_bits == UART_STOP_BITS_1);
    line_started = true;
    return ESP_OK;
}

int uart_write_bytes(uart_port_t uart_num, const void *src, size_t size)
{
#ifdef SDK_METER
    if (uart_num == UART_NUM_1) {
        const wp_serial line = meter_line();
        line.write(line.context, src, size);
        return (int)size;
    }
#endif
    assert(uart_num == UART_NUM_0);
    return write_output(src, size);
}

int uart_read_bytes(uart_port_t uart_num, void *buf, uint32_t length, TickType_t ticks_to_wait)
{
#ifdef SDK_METER
    if (uart_num == UART_NUM_1) {
        const wp_serial line = meter_line();
        assert(ticks_to_wait == 0);
        return (int)line.read(line.context, buf, length);
    }
#endif
    assert(uart_num == UART_NUM_0);
    return read_input(buf, length, ticks_to_wait);
}

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config)
{
    assert(config->tx_buffer_size > 0 && config->rx_buffer_size > 0);
    line_started = true;
    return ESP_OK;
}

int usb_serial_jtag_read_bytes(void *buf, uint32_t length, uint32_t ticks_to_wait)
{
    return read_input(buf, length, ticks_to_wait);
}

int usb_serial_jtag_write_bytes(const void *src, size_t size, uint32_t ticks_to_wait)
{
    assert(ticks_to_wait > 0 && ticks_to_wait < configTICK_RATE_HZ);
    return write_output(src, size);
}

esp_err_t i2c_new_master_bus(const i2c_master_bus_config_t *config, i2c_master_bus_handle_t *bus)
{
    assert(config->sda_io_num >= 0 && config->scl_io_num >= 0 && config->sda_io_num != config->scl_io_num);
    assert(config->trans_queue_depth == 0); /* else transfers would end later than their call */
    *bus = (i2c_master_bus_handle_t)(void *)&token;
    return ESP_OK;
}

esp_err_t i2c_master_bus_add_device(i2c_master_bus_handle_t bus, const i2c_device_config_t *config,
                                    i2c_master_dev_handle_t *device)
{
    assert((void *)bus == (void *)&token && config->dev_addr_length == I2C_ADDR_BIT_LEN_7 && device_address == 0);
    assert(config->scl_speed_hz <= 400000);
    device_address = config->device_address;
    *device = (i2c_master_dev_handle_t)(void *)&device_address;
    return ESP_OK;
}

esp_err_t i2c_master_bus_rm_device(i2c_master_dev_handle_t device)
{
    assert((void *)device == (void *)&device_address && device_address != 0);
    device_address = 0;
    return ESP_OK;
}

static esp_err_t transfer(i2c_master_dev_handle_t device, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in,
                          int limit_ms)
{
    assert((void *)device == (void *)&device_address && device_address != 0 && limit_ms > 0 && limit_ms < 100);
    pass(100);
    if (!has_chip) {
        return ESP_ERR_INVALID_STATE; /* nobody acknowledges */
    }
    const wp_i2c bus = ina_simulator_bus(&chip);
    switch (bus.transfer(bus.context, (uint8_t)device_address, out, n_out, in, n_in)) {
    case WP_I2C_OK:
        return ESP_OK;
    case WP_I2C_NO_ANSWER:
        return ESP_ERR_INVALID_STATE;
    default:
        return ESP_ERR_TIMEOUT;
    }
}

esp_err_t i2c_master_transmit(i2c_master_dev_handle_t device, const uint8_t *bytes, size_t n, int limit_ms)
{
    return transfer(device, bytes, n, NULL, 0, limit_ms);
}

esp_err_t i2c_master_transmit_receive(i2c_master_dev_handle_t device, const uint8_t *out, size_t n_out, uint8_t *in,
                                      size_t n_in, int limit_ms)
{
    return transfer(device, out, n_out, in, n_in, limit_ms);
}

esp_err_t i2c_master_bus_reset(i2c_master_bus_handle_t bus)
{
    assert((void *)bus == (void *)&token);
    return ESP_OK;
}

esp_cpu_cycle_count_t esp_cpu_get_cycle_count(void)
{
    return (uint32_t)(now_us * 160);
}

esp_reset_reason_t esp_reset_reason(void)
{
    return (esp_reset_reason_t)setting("SDK_RESET", ESP_RST_POWERON);
}

esp_err_t esp_task_wdt_add(TaskHandle_t task)
{
    assert(task == NULL);
    watched = true;
    kicked_us = now_us;
    return ESP_OK;
}

esp_err_t esp_task_wdt_reset(void)
{
    kicked_us = now_us;
    return ESP_OK;
}

int64_t esp_timer_get_time(void)
{
    pass(1);
    return now_us;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task)
{
    assert(task == NULL);
    return 3000;
}

void vTaskDelay(const TickType_t ticks)
{
    pass((int64_t)ticks * 1000000 / configTICK_RATE_HZ);
    if (now_us >= (int64_t)setting("SDK_SECONDS", 0) * 1000000) {
        exit(0);
    }
    if (now_us >= (int64_t)setting("SDK_GONE_AFTER_S", 1000000) * 1000000) {
        chip.current_ua = 0;
        chip.voltage_uv = 0;
    }
}

static void keep(void)
{
    const char *path = getenv("SDK_NVS");
    FILE *file = path == NULL ? NULL : fopen(path, "wb");
    if (file != NULL) {
        (void)fwrite(&nvs, sizeof nvs, 1, file);
        (void)fclose(file);
    }
}

esp_err_t nvs_flash_init(void)
{
    const char *path = getenv("SDK_NVS");
    FILE *file = path == NULL ? NULL : fopen(path, "rb");
    if (file != NULL) {
        assert(fread(&nvs, sizeof nvs, 1, file) == 1);
        (void)fclose(file);
    }
    return ESP_OK;
}

esp_err_t nvs_flash_erase(void)
{
    memset(&nvs, 0, sizeof nvs);
    return ESP_OK;
}

esp_err_t nvs_open(const char *name, nvs_open_mode_t mode, nvs_handle_t *handle)
{
    assert(strlen(name) <= 15 && mode == NVS_READWRITE);
    *handle = 7;
    return ESP_OK;
}

static int page_of(nvs_handle_t handle, const char *key)
{
    assert(handle == 7 && strlen(key) == 5 && memcmp(key, "page", 4) == 0 && (key[4] == '0' || key[4] == '1'));
    return key[4] - '0';
}

esp_err_t nvs_get_blob(nvs_handle_t handle, const char *key, void *value, size_t *length)
{
    const int page = page_of(handle, key);
    if (nvs.length[page] == 0) {
        return ESP_ERR_NVS_NOT_FOUND;
    }
    if (*length < nvs.length[page]) {
        return ESP_ERR_NVS_INVALID_LENGTH;
    }
    *length = nvs.length[page];
    memcpy(value, nvs.bytes[page], *length);
    return ESP_OK;
}

esp_err_t nvs_set_blob(nvs_handle_t handle, const char *key, const void *value, size_t length)
{
    const int page = page_of(handle, key);
    assert(length > 0 && length <= PAGE_BYTES && nvs.length[page] == 0); /* an erased page */
    nvs.length[page] = (uint32_t)length;
    memcpy(nvs.bytes[page], value, length);
    return ESP_OK;
}

esp_err_t nvs_erase_key(nvs_handle_t handle, const char *key)
{
    const int page = page_of(handle, key);
    if (nvs.length[page] == 0) {
        return ESP_ERR_NVS_NOT_FOUND;
    }
    nvs.length[page] = 0;
    return ESP_OK;
}

esp_err_t nvs_commit(nvs_handle_t handle)
{
    assert(handle == 7);
    keep();
    return ESP_OK;
}

/* The firmware has a main of its own, which its app_main calls: this program begins before both. */
__attribute__((constructor)) static void start(void)
{
    const char *name = getenv("SDK_CHIP");
    has_chip = name != NULL;
    ina_simulator_init(&chip, has_chip && strcmp(name, "ina226") == 0, 0x40, 10000);
    chip.current_ua = setting("SDK_CURRENT_MA", 0) * 1000;
    chip.voltage_uv = 5000000;
#ifdef SDK_METER
    start_meter();
#endif
    (void)setvbuf(stdout, NULL, _IONBF, 0);
    app_main();
    exit(0);
}

esp_err_t gpio_reset_pin(gpio_num_t pin)
{
    assert(pin >= 0);
    return ESP_OK;
}

esp_err_t gpio_set_direction(gpio_num_t pin, gpio_mode_t mode)
{
    assert(pin >= 0 && mode == GPIO_MODE_OUTPUT);
    return ESP_OK;
}

esp_err_t gpio_set_level(gpio_num_t pin, uint32_t level)
{
    printf("pin %d is %d\n", (int)pin, (int)level);
    return ESP_OK;
}

/* For a program that has none but its app_main. */
int main(void) __attribute__((weak));

int main(void)
{
    return 0;
}
