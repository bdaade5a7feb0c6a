"""Adds the port and the model to the build: two folders that are chosen, not found as libraries.

The model says whose charges the firmware follows (wp/profile.h). A household's brings the library behind its answers,
which a charger's firmware does not compile.

Runs inside PlatformIO before the platform's own script, so that their flags come from the environment like all others.
"""

import os
import sys
from pathlib import Path

Import("env")

VEHICLE_LIBRARIES = ("vehicle", "meter", "advice")
"""Of firmware/lib, in a charge point's firmware alone."""


def stop(message):
    sys.stderr.write(f"wattprint: {message}\n")
    env.Exit(1)


def port_dirs():
    """The port's folder, and others that it shares with its like."""
    names = env.GetProjectOption("custom_port", "").split()
    paths = [Path(env.subst("$PROJECT_DIR"), "firmware", "ports", name) for name in names]
    if not all(path.is_dir() for path in paths) or not paths:
        stop(f"platformio.ini [env:{env['PIOENV']}]: custom_port = {' '.join(names)} is no folder of firmware/ports")
    return paths


def model_dir():
    if "test" in env.GetBuildType():  # tests of the core bring their own small model
        return Path(env.subst("$PROJECT_TEST_DIR"), "fixtures", "model")
    chosen = os.environ.get("WATTPRINT_MODEL_DIR") or env.GetProjectOption("custom_model_dir")
    path = Path(env.subst("$PROJECT_DIR"), chosen)
    for name in ("model.c", "model.h"):
        if not (path / name).is_file():
            stop(f"{chosen} has no {name}: generate a model with: python -m codegen build")
    return path


def is_of_vehicles(folder):
    return '#include "wp/household.h"' in Path(folder, "model.h").read_text(encoding="ascii")


def add_vehicles():
    """What a charge point's firmware has besides: the household, its meter, advice."""
    firmware = Path(env.subst("$PROJECT_DIR"), "firmware")
    env.Append(CPPDEFINES=[("WP_PROFILE_EV", 1)])
    parts = {name: firmware / "lib" / name / "src" for name in VEHICLE_LIBRARIES}
    for name in VEHICLE_LIBRARIES:
        env.Append(CPPPATH=[str(firmware / "lib" / name / "include")])
    env.Append(CPPPATH=[str(firmware / "src")])
    if not env.IsIntegrationDump():
        for name, folder in (parts | {"charge_point": firmware / "charge_point"}).items():
            env.BuildSources(f"$BUILD_DIR/{name}", str(folder))


# `pio test` must not leave its last test where the host tool looks for the virtual board.
if "test" in env.GetBuildType() and "native" in env.GetProjectOption("custom_port", "").split():
    env.Replace(PROGNAME="test_program")
if not env.IsCleanTarget():
    if is_of_vehicles(model_dir()):
        add_vehicles()
    for kind, folder in (*((f"port_{folder.name}", folder) for folder in port_dirs()), ("model", model_dir())):
        env.Append(CPPPATH=[str(folder)])
        if not env.IsIntegrationDump():
            env.BuildSources(f"$BUILD_DIR/{kind}", str(folder))
