/* The meter's line on an ESP32: UART1 in RS-485 half duplex, by whose RTS pin the SDK switches the transceiver.
 *
 * Espressif, ESP-IDF Programming Guide: UART, RS485 specific communication modes.
 */
#include "port_meter.h"

#include "driver/uart.h"

/* Pins of the transceiver, docs/boards.md: DI, RO, and DE with /RE. */
#ifndef WP_PIN_METER_TX
#if defined(CONFIG_IDF_TARGET_ESP32)
#define WP_PIN_METER_TX 17
#define WP_PIN_METER_RX 16
#define WP_PIN_METER_DE 4
#elif defined(CONFIG_IDF_TARGET_ESP32C3)
#define WP_PIN_METER_TX 6
#define WP_PIN_METER_RX 7
#define WP_PIN_METER_DE 10
#elif defined(CONFIG_IDF_TARGET_ESP32S3)
#define WP_PIN_METER_TX 17
#define WP_PIN_METER_RX 18
#define WP_PIN_METER_DE 16
#else
#error "name the pins of the meter's line: -D WP_PIN_METER_TX=… -D WP_PIN_METER_RX=… -D WP_PIN_METER_DE=…"
#endif
#endif

#define METER UART_NUM_1
#define BUFFER_BYTES 256 /* each way; more than a reply */

static size_t read_line(void *context, uint8_t *bytes, size_t size)
{
    (void)context;
    const int n = uart_read_bytes(METER, bytes, (uint32_t)size, 0);
    return n > 0 ? (size_t)n : 0;
}

static void write_line(void *context, const uint8_t *bytes, size_t n)
{
    (void)context;
    (void)uart_write_bytes(METER, bytes, n);
}

const wp_serial *port_meter_line(uint32_t baud)
{
    static const wp_serial line = {.read = read_line, .write = write_line};
    const uart_config_t config = {.baud_rate = (int)baud,
                                  .data_bits = UART_DATA_8_BITS,
                                  .parity = UART_PARITY_DISABLE,
                                  .stop_bits = UART_STOP_BITS_1,
                                  .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
                                  .source_clk = UART_SCLK_DEFAULT};
    static bool installed;
    if (installed && uart_driver_delete(METER) != ESP_OK) {
        return NULL;
    }
    installed = uart_driver_install(METER, BUFFER_BYTES, BUFFER_BYTES, 0, NULL, 0) == ESP_OK;
    const bool works =
        installed &&
        uart_param_config(METER, &config) == ESP_OK &&
        uart_set_pin(METER, WP_PIN_METER_TX, WP_PIN_METER_RX, WP_PIN_METER_DE, UART_PIN_NO_CHANGE) == ESP_OK &&
        uart_set_mode(METER, UART_MODE_RS485_HALF_DUPLEX) == ESP_OK;
    return works ? &line : NULL;
}

/* The pilot and the charger belong to the charge point's own controller; where this chip is that, fill these in. */
port_vehicle port_vehicle_now(void)
{
    return PORT_VEHICLE_NOT_KNOWN;
}

void port_vehicle_enable(bool on, int32_t limit_ma)
{
    (void)on;
    (void)limit_ma;
}
