# ruff: noqa: INP001
"""Adds the port and the model to the build: two folders that are chosen, not found as libraries.

Runs inside PlatformIO before the platform's own script, so that their flags come from the environment like all others.
"""

import os
import sys

Import("env")


def stop(message):
    sys.stderr.write(f"wattprint: {message}\n")
    env.Exit(1)


def port_dir():
    name = env.GetProjectOption("custom_port", "")
    path = os.path.join(env.subst("$PROJECT_DIR"), "firmware", "ports", name)
    if not name or not os.path.isdir(path):
        stop(f"platformio.ini [env:{env['PIOENV']}]: custom_port = {name!r} is no folder of firmware/ports")
    return path


def model_dir():
    if "test" in env.GetBuildType():  # tests of the core bring their own small model
        return os.path.join(env.subst("$PROJECT_TEST_DIR"), "fixtures", "model")
    chosen = os.environ.get("WATTPRINT_MODEL_DIR") or env.GetProjectOption("custom_model_dir")
    path = os.path.join(env.subst("$PROJECT_DIR"), chosen)
    for name in ("model.c", "model.h"):
        if not os.path.isfile(os.path.join(path, name)):
            stop(f"{chosen} has no {name}: generate a model with: python -m codegen build")
    return path


if not env.IsCleanTarget():
    for kind, folder in (("port", port_dir()), ("model", model_dir())):
        env.Append(CPPPATH=[folder])
        if not env.IsIntegrationDump():
            env.BuildSources(os.path.join("$BUILD_DIR", kind), folder)
