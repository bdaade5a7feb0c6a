"""ESPHome component: which device is charging, and how long until it is full, from a voltage and a current sensor."""

import esphome.codegen as cg
import esphome.config_validation as cv
from esphome.components import binary_sensor, sensor, text_sensor
from esphome.const import (
    CONF_CURRENT,
    CONF_ID,
    CONF_VOLTAGE,
    DEVICE_CLASS_BATTERY_CHARGING,
    DEVICE_CLASS_DURATION,
    STATE_CLASS_MEASUREMENT,
    UNIT_MINUTE,
    UNIT_PERCENT,
)

AUTO_LOAD = ["binary_sensor", "sensor", "text_sensor"]
DEPENDENCIES = ["sensor"]
MULTI_CONF = True

wattprint_ns = cg.esphome_ns.namespace("wattprint_meter")
WattprintMeter = wattprint_ns.class_("WattprintMeter", cg.PollingComponent)

MINUTES = sensor.sensor_schema(
    unit_of_measurement=UNIT_MINUTE,
    accuracy_decimals=0,
    device_class=DEVICE_CLASS_DURATION,
    state_class=STATE_CLASS_MEASUREMENT,
)
PERCENT = sensor.sensor_schema(
    unit_of_measurement=UNIT_PERCENT, accuracy_decimals=0, state_class=STATE_CLASS_MEASUREMENT
)
OUTPUTS = {
    "device": (text_sensor.text_sensor_schema(), text_sensor.new_text_sensor),
    "remaining": (MINUTES, sensor.new_sensor),
    "remaining_least": (MINUTES, sensor.new_sensor),
    "remaining_most": (MINUTES, sensor.new_sensor),
    "confidence": (PERCENT, sensor.new_sensor),
    "charging": (
        binary_sensor.binary_sensor_schema(device_class=DEVICE_CLASS_BATTERY_CHARGING),
        binary_sensor.new_binary_sensor,
    ),
    "full": (binary_sensor.binary_sensor_schema(), binary_sensor.new_binary_sensor),
}

CONFIG_SCHEMA = cv.Schema(
    {
        cv.GenerateID(): cv.declare_id(WattprintMeter),
        cv.Required(CONF_VOLTAGE): cv.use_id(sensor.Sensor),
        cv.Required(CONF_CURRENT): cv.use_id(sensor.Sensor),
        **{cv.Optional(name): schema for name, (schema, _) in OUTPUTS.items()},
    }
).extend(cv.polling_component_schema("1s"))


async def to_code(config):
    """Writes the C++ that sets the component up."""
    meter = cg.new_Pvariable(config[CONF_ID])
    await cg.register_component(meter, config)
    cg.add(meter.set_voltage(await cg.get_variable(config[CONF_VOLTAGE])))
    cg.add(meter.set_current(await cg.get_variable(config[CONF_CURRENT])))
    for name, (_, create) in OUTPUTS.items():
        if name in config:
            cg.add(getattr(meter, f"set_{name}")(await create(config[name])))
