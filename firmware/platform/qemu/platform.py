"""The platform's class, under the name PlatformIO derives from platform.json."""

from platformio.public import PlatformBase


class Wattprint_qemuPlatform(PlatformBase):
    """Nothing beyond the defaults: no package to download."""
