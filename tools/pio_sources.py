"""Adds the port and the model to the build: two folders that are chosen, not found as libraries.

Runs inside PlatformIO before the platform's own script, so that their flags come from the environment like all others.
"""

import os
import sys
from pathlib import Path

Import("env")


def stop(message):
    sys.stderr.write(f"wattprint: {message}\n")
    env.Exit(1)


def port_dir():
    name = env.GetProjectOption("custom_port", "")
    path = Path(env.subst("$PROJECT_DIR"), "firmware", "ports", name)
    if not name or not path.is_dir():
        stop(f"platformio.ini [env:{env['PIOENV']}]: custom_port = {name!r} is no folder of firmware/ports")
    return path


def model_dir():
    if "test" in env.GetBuildType():  # tests of the core bring their own small model
        return Path(env.subst("$PROJECT_TEST_DIR"), "fixtures", "model")
    chosen = os.environ.get("WATTPRINT_MODEL_DIR") or env.GetProjectOption("custom_model_dir")
    path = Path(env.subst("$PROJECT_DIR"), chosen)
    for name in ("model.c", "model.h"):
        if not (path / name).is_file():
            stop(f"{chosen} has no {name}: generate a model with: python -m codegen build")
    return path


if not env.IsCleanTarget():
    for kind, folder in (("port", port_dir()), ("model", model_dir())):
        env.Append(CPPPATH=[str(folder)])
        if not env.IsIntegrationDump():
            env.BuildSources(f"$BUILD_DIR/{kind}", str(folder))
