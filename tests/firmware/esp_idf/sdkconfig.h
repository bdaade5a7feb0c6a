/* What Kconfig writes for a chip; -D names the chip. */
#pragma once
#define CONFIG_ESP_MAIN_TASK_STACK_SIZE 4096
#if defined(CONFIG_IDF_TARGET_ESP32) || defined(CONFIG_IDF_TARGET_ESP32C3) || defined(CONFIG_IDF_TARGET_ESP32S3)
#define CONFIG_ESP_DEFAULT_CPU_FREQ_MHZ 160
#endif
