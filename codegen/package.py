"""The core and a model as a library for a project of someone's own: PlatformIO, Arduino, ESP-IDF or ESPHome.

All forms hold the same files: wattprint.h, the one header to include; the core, the sensors' drivers and the model
behind it; an example that needs no host. They differ in where the files lie and in what describes them.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from codegen import __version__
from codegen.emit.files import render, write_files
from codegen.emit.literals import string_literal
from codegen.errors import CodegenError

if TYPE_CHECKING:
    from train.artifact import Artifact

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ROOT / "firmware" / "lib"
EXAMPLES = ROOT / "firmware" / "examples"
PARTS = ("core", "sensor", "wattprint")  # folders of firmware/lib, each with include/ and src/

SUMMARY = "Which device is charging, and how long until it is full: readings in, answers by callback"
REPOSITORY_KEYWORDS = ("charging", "battery", "energy", "ina219", "ina226")

Texts = dict[PurePosixPath, str]
"""Files of a package by their path in it."""


def package(form: str, path: Path, out: Path, emit: str | None) -> None:
    """Write a package; raises CodegenError for a folder that cannot be written, and what a model can be wrong in."""
    from codegen.emit.artifact import read_artifact

    artifact = read_artifact(path)
    headers, sources = library_texts(artifact, path, emit)
    texts = _FORMS[form](headers, sources)
    texts[PurePosixPath("README.md" if form != "esphome" else "components/wattprint/README.md")] = render(
        "package_readme.md.j2", {"form": form, "artifact": artifact, "version": __version__}
    )
    folders: dict[PurePosixPath, dict[str, str]] = {}
    for where, text in texts.items():
        folders.setdefault(where.parent, {})[where.name] = text
    for folder, files in folders.items():
        write_files(out / folder, files)
    n_devices = len(artifact.devices)
    print(f"written: {out}: {len(texts)} files, model {artifact.model_hash[:16]} of {n_devices} devices, form {form}")


def library_texts(artifact: Artifact, path: Path, emit: str | None) -> tuple[Texts, Texts]:
    """Public headers, and all that is behind them: sources, private headers, the model and its devices' names."""
    headers: Texts = {}
    sources: Texts = {}
    for part in PARTS:
        folder = LIBRARIES / part
        for file in sorted((folder / "include").rglob("*.h")):
            headers[PurePosixPath(file.relative_to(folder / "include").as_posix())] = _read(file)
        for file in sorted((folder / "src").glob("*.[ch]")):
            # The core has a model.c too; a library's files share a folder with the generated ones.
            name = file.name if file.suffix == ".h" or part == "wattprint" else f"wp_core_{file.name}"
            sources[PurePosixPath(name)] = _read(file)
    model = {PurePosixPath(name): text for name, text in _model_texts(path, emit).items()}
    if both := sources.keys() & model.keys():
        raise CodegenError(f"{path}: its C has a file of the core's name: {', '.join(map(str, both))}")
    sources |= model
    names = [*artifact.devices] or ["device"]
    for name in ("wattprint_devices.h", "wattprint_devices.c"):
        sources[PurePosixPath(name)] = render(f"{name}.j2", {"names": [string_literal(each) for each in names]})
    return headers, sources


def _model_texts(path: Path, emit: str | None) -> dict[str, str]:
    """The model's C, as `compile --artifact` writes it."""
    import contextlib
    import io

    from codegen.compile_forest import compile_artifact

    with tempfile.TemporaryDirectory(prefix="wattprint-package-") as folder:
        with contextlib.redirect_stdout(io.StringIO()):
            compile_artifact(path, Path(folder), emit, None)
        return {file.name: _read(file) for file in sorted(Path(folder).glob("*.[ch]"))}


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise CodegenError(f"{file}: {error.strerror}; package from a whole checkout") from None


def _below(folder: str, texts: Texts) -> Texts:
    return {PurePosixPath(folder) / where: text for where, text in texts.items()}


def _example(folder: str, target: str, leave_out: tuple[str, ...] = ()) -> Texts:
    """An example's files, below a folder of the package."""
    root = EXAMPLES / folder
    files = (file for file in sorted(root.rglob("*")) if file.is_file() and file.name not in leave_out)
    return {PurePosixPath(target) / file.relative_to(root).as_posix(): _read(file) for file in files}


def _pio(headers: Texts, sources: Texts) -> Texts:
    manifest = {
        "name": "wattprint",
        "version": __version__,
        "description": SUMMARY,
        "keywords": list(REPOSITORY_KEYWORDS),
        "license": "Apache-2.0",
        "frameworks": "*",
        "platforms": "*",
        "headers": ["wattprint.h"],
        "build": {"srcDir": "src", "includeDir": "include"},
    }
    texts = {PurePosixPath("library.json"): json.dumps(manifest, indent=2) + "\n"}
    return texts | _below("include", headers) | _below("src", sources) | _example("pio", "examples/display")


def _arduino(headers: Texts, sources: Texts) -> Texts:
    properties = {
        "name": "wattprint",
        "version": __version__,
        "author": "wattprint",
        "maintainer": "wattprint",
        "sentence": SUMMARY,
        "paragraph": "A model trained on recorded charges, in integers; a driver for INA219 and INA226.",
        "category": "Sensors",
        "architectures": "*",
        "includes": "wattprint.h",
    }
    texts = {PurePosixPath("library.properties"): "".join(f"{key}={value}\n" for key, value in properties.items())}
    return texts | _below("src", headers) | _below("src", sources) | _example("arduino", "examples")


def _idf(headers: Texts, sources: Texts) -> Texts:
    listed = "\n".join(f'    "src/{where}"' for where in sorted(sources) if where.suffix == ".c")
    cmake = f"idf_component_register(\n  SRCS\n{listed}\n  INCLUDE_DIRS include\n  PRIV_INCLUDE_DIRS src)\n"
    manifest = (
        f'version: "{__version__}"\ndescription: "{SUMMARY}"\nlicense: "Apache-2.0"\ndependencies:\n  idf: ">=5.3"\n'
    )
    texts = {PurePosixPath("CMakeLists.txt"): cmake, PurePosixPath("idf_component.yml"): manifest}
    return texts | _below("include", headers) | _below("src", sources) | _example("idf", "examples")


def _esphome(headers: Texts, sources: Texts) -> Texts:
    """ESPHome copies the files of one folder and none below it: `wp/charge.h` becomes `wp_core_charge.h`."""

    def flat(text: str) -> str:
        return re.sub(r'#include "wp/(\w+\.h)"', r'#include "wp_core_\1"', text)

    public = {PurePosixPath(str(where).replace("wp/", "wp_core_")): flat(text) for where, text in headers.items()}
    component = public | {where: flat(text) for where, text in sources.items()}
    component |= _example("esphome", "", leave_out=("example.yaml",))
    example = {PurePosixPath("example.yaml"): _read(EXAMPLES / "esphome" / "example.yaml")}
    return _below("components/wattprint", component) | example


_FORMS: Mapping[str, Callable[[Texts, Texts], Texts]] = {
    "pio": _pio,
    "arduino": _arduino,
    "idf": _idf,
    "esphome": _esphome,
}
