/* ESP32, ESP32-C3 and ESP32-S3 with ESP-IDF 5.3 to 6: the line is UART0, or on a chip with one its USB-serial-JTAG (C3, S3;
 * WP_LINE_UART=1 takes the UART there too). Nothing but calls of the SDK: what can be tested without it is elsewhere.
 *
 * Espressif, ESP-IDF Programming Guide: UART, USB Serial/JTAG, I2C (i2c_master), NVS, Task Watchdog.
 */
#include "port.h"

#include <string.h>

#include "driver/i2c_master.h"
#include "driver/uart.h"
#include "esp_cpu.h"
#include "esp_system.h"
#include "esp_task_wdt.h"
#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "nvs.h"
#include "nvs_flash.h"
#include "sdkconfig.h"
#include "soc/soc_caps.h"

#ifndef WP_LINE_UART
#ifdef SOC_USB_SERIAL_JTAG_SUPPORTED
#define WP_LINE_UART 0
#else
#define WP_LINE_UART 1
#endif
#endif
#if !WP_LINE_UART
#include "driver/usb_serial_jtag.h"
#endif

/* Pins of the sensor's bus, docs/boards.md. */
#ifndef WP_PIN_SDA
#if defined(CONFIG_IDF_TARGET_ESP32)
#define WP_PIN_SDA 21
#define WP_PIN_SCL 22
#elif defined(CONFIG_IDF_TARGET_ESP32C3)
#define WP_PIN_SDA 4
#define WP_PIN_SCL 5
#elif defined(CONFIG_IDF_TARGET_ESP32S3)
#define WP_PIN_SDA 8
#define WP_PIN_SCL 9
#else
#error "name the pins of the sensor's bus: -D WP_PIN_SDA=… -D WP_PIN_SCL=…"
#endif
#endif

#define LINE UART_NUM_0
#define BAUD 115200
#define BUFFER_BYTES 512 /* each way; more than the credit, and more than a UART's FIFO */
#define WAIT_MAX_MS 1000u /* the watchdog's period is 5 s (sdkconfig) */
#define DROP_AFTER_MS 50u /* a USB host that takes nothing has left */
#define I2C_HZ 400000
#define I2C_LIMIT_MS 5
#define PAGES "wattprint" /* namespace in NVS; a page is a blob in it */

static i2c_master_bus_handle_t bus;
static i2c_master_dev_handle_t device;
static uint8_t device_address; /* of `device`; 0: none */
static nvs_handle_t pages;
static bool has_pages;

static TickType_t ticks_of(uint32_t ms)
{
    return (TickType_t)(((uint64_t)ms * configTICK_RATE_HZ + 999u) / 1000u); /* up: a wait is no spin */
}

static esp_err_t start_line(void)
{
#if WP_LINE_UART
    const uart_config_t config = {.baud_rate = BAUD,
                                  .data_bits = UART_DATA_8_BITS,
                                  .parity = UART_PARITY_DISABLE,
                                  .stop_bits = UART_STOP_BITS_1,
                                  .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
                                  .source_clk = UART_SCLK_DEFAULT};
    const esp_err_t error = uart_driver_install(LINE, BUFFER_BYTES, BUFFER_BYTES, 0, NULL, 0);
    return error == ESP_OK ? uart_param_config(LINE, &config) : error;
#else
    usb_serial_jtag_driver_config_t config = {.tx_buffer_size = BUFFER_BYTES, .rx_buffer_size = BUFFER_BYTES};
    return usb_serial_jtag_driver_install(&config);
#endif
}

static void start_bus(void)
{
    const i2c_master_bus_config_t config = {.i2c_port = -1,
                                            .sda_io_num = (gpio_num_t)WP_PIN_SDA,
                                            .scl_io_num = (gpio_num_t)WP_PIN_SCL,
                                            .clk_source = I2C_CLK_SRC_DEFAULT,
                                            .glitch_ignore_cnt = 7,
                                            .flags = {.enable_internal_pullup = true}};
    if (i2c_new_master_bus(&config, &bus) != ESP_OK) {
        bus = NULL;
    }
}

/* A partition of another version, or without a free page, is of no use: it is erased, and the settings are new. */
static void start_pages(void)
{
    esp_err_t error = nvs_flash_init();
    if (error == ESP_ERR_NVS_NO_FREE_PAGES || error == ESP_ERR_NVS_NEW_VERSION_FOUND) {
        error = nvs_flash_erase() == ESP_OK ? nvs_flash_init() : error;
    }
    has_pages = error == ESP_OK && nvs_open(PAGES, NVS_READWRITE, &pages) == ESP_OK;
}

int port_init(int argc, char *argv[])
{
    (void)argc;
    (void)argv;
    if (start_line() != ESP_OK) {
        return 3; /* and nobody to tell */
    }
    start_bus();
    start_pages();
    (void)esp_task_wdt_add(NULL);
    return 0;
}

uint32_t port_parts(void)
{
    return (bus != NULL ? (uint32_t)PORT_I2C : 0) | (has_pages ? (uint32_t)PORT_FLASH : 0);
}

wp_boot port_boot(void)
{
    switch (esp_reset_reason()) {
    case ESP_RST_POWERON:
        return WP_BOOT_POWER;
    case ESP_RST_INT_WDT:
    case ESP_RST_TASK_WDT:
    case ESP_RST_WDT:
        return WP_BOOT_WATCHDOG;
    case ESP_RST_BROWNOUT:
        return WP_BOOT_BROWNOUT;
    default:
        return WP_BOOT_RESET;
    }
}

static int read_line(uint8_t *bytes, size_t size, TickType_t wait)
{
#if WP_LINE_UART
    /* The driver waits for all that it is asked for: one byte, and then what has come with it. */
    const int first = uart_read_bytes(LINE, bytes, 1, wait);
    if (first != 1 || size == 1) {
        return first;
    }
    const int more = uart_read_bytes(LINE, bytes + 1, (uint32_t)(size - 1), 0);
    return more > 0 ? 1 + more : 1;
#else
    return usb_serial_jtag_read_bytes(bytes, (uint32_t)size, wait);
#endif
}

bool port_read(uint32_t wait_us, uint8_t *bytes, size_t size, size_t *n)
{
    const uint32_t wait_ms = wait_us / 1000u < WAIT_MAX_MS ? wait_us / 1000u + (wait_us % 1000u != 0) : WAIT_MAX_MS;
    const int got = read_line(bytes, size, ticks_of(wait_ms));
    *n = got > 0 ? (size_t)got : 0;
    return true;
}

void port_write(const uint8_t *bytes, size_t n)
{
#if WP_LINE_UART
    (void)uart_write_bytes(LINE, bytes, n);
#else
    (void)usb_serial_jtag_write_bytes(bytes, n, ticks_of(DROP_AFTER_MS));
#endif
}

uint32_t port_clock_us(void)
{
    return (uint32_t)esp_timer_get_time();
}

const uint32_t port_ticks_per_s = CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ * 1000000u;

uint32_t port_ticks(void)
{
    return esp_cpu_get_cycle_count();
}

uint32_t port_stack_bytes(void)
{
    return CONFIG_ESP_MAIN_TASK_STACK_SIZE - (uint32_t)uxTaskGetStackHighWaterMark(NULL);
}

void port_watchdog_kick(void)
{
    (void)esp_task_wdt_reset();
}

/* The driver knows devices, not addresses: the settings name one, which is made when it is first asked for. */
static esp_err_t take_device(uint8_t address)
{
    const i2c_device_config_t config = {
        .dev_addr_length = I2C_ADDR_BIT_LEN_7, .device_address = address, .scl_speed_hz = I2C_HZ};
    if (address == device_address) {
        return ESP_OK;
    }
    if (device_address != 0) {
        device_address = 0;
        (void)i2c_master_bus_rm_device(device);
    }
    const esp_err_t error = i2c_master_bus_add_device(bus, &config, &device);
    device_address = error == ESP_OK ? address : 0;
    return error;
}

wp_i2c_status port_i2c_transfer(uint8_t address, const uint8_t *out, size_t n_out, uint8_t *in, size_t n_in)
{
    if (bus == NULL || take_device(address) != ESP_OK) {
        return WP_I2C_BUS_ERROR;
    }
    const esp_err_t error = n_in == 0 ? i2c_master_transmit(device, out, n_out, I2C_LIMIT_MS)
                                      : i2c_master_transmit_receive(device, out, n_out, in, n_in, I2C_LIMIT_MS);
    if (error == ESP_OK) {
        return WP_I2C_OK;
    }
    if (error != ESP_ERR_TIMEOUT) {
        return WP_I2C_NO_ANSWER;
    }
    (void)i2c_master_bus_reset(bus); /* nine clocks free a data line that a sensor holds down */
    return WP_I2C_BUS_ERROR;
}

static const char *name_of(uint8_t page)
{
    return page == 0 ? "page0" : "page1";
}

bool port_flash_read(uint8_t page, uint8_t *bytes, size_t n)
{
    size_t length = n;
    if (!has_pages) {
        return false;
    }
    memset(bytes, 0xFF, n); /* as in erased flash: an absent page, and what is behind a shorter one */
    const esp_err_t error = nvs_get_blob(pages, name_of(page), bytes, &length);
    return error == ESP_OK || error == ESP_ERR_NVS_NOT_FOUND;
}

bool port_flash_erase(uint8_t page)
{
    if (!has_pages) {
        return false;
    }
    const esp_err_t error = nvs_erase_key(pages, name_of(page));
    return (error == ESP_OK && nvs_commit(pages) == ESP_OK) || error == ESP_ERR_NVS_NOT_FOUND;
}

bool port_flash_write(uint8_t page, const uint8_t *bytes, size_t n)
{
    return has_pages && nvs_set_blob(pages, name_of(page), bytes, n) == ESP_OK && nvs_commit(pages) == ESP_OK;
}

void port_measure(wp_reading *reading)
{
    *reading = (wp_reading){.status = WP_SENSOR_NO_ANSWER};
}

/* ESP-IDF begins here, in a task of its own. */
int main(int argc, char *argv[]);
void app_main(void);

void app_main(void)
{
    (void)main(0, NULL);
}
