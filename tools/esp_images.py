"""An ESP32 and an ESP32-C3 image of what can be built without Espressif's compilers, made and checked by esptool.

    python tools/esp_images.py OUT

The programs are those of the QEMU boards: Xtensa LX6 code at the ESP32's addresses, and RV32IMC code linked anew at the
ESP32-C3's. esptool packs them (elf2image) and reads them back (image-info). That is a check of the container: segments
at the chip's addresses, checksum, hash. It says nothing about booting, and these programs would not: their line and
clocks are QEMU's. What is meant to run on a chip are the environments esp32dev, esp32c3 and esp32s3.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "firmware" / "platform" / "qemu" / "ld"
MACHINE_C3 = ("-march=rv32imc", "-mabi=ilp32", "-misa-spec=2.2", "--specs=picolibc.specs")
EXIT_BUILD = 6


class ImageError(Exception):
    """A program of the way failed; one line."""


@dataclass(frozen=True, slots=True)
class Image:
    """What esptool says of an image it has made."""

    chip: str
    path: Path
    entry: int
    segments: tuple[tuple[int, int, str], ...]  # bytes, address, kind of memory

    def line(self) -> str:
        """The image in a line."""
        parts = ", ".join(f"{size} B at {address:#x} ({kind})" for size, address, kind in self.segments)
        return f"{self.chip}: {self.path}, {self.path.stat().st_size} bytes: {parts}"


def run(*command: object, **variables: str) -> str:
    """A program's output; raises ImageError with the last line it said."""
    try:
        done = subprocess.run(
            [str(part) for part in command], cwd=ROOT, env=os.environ | variables, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ImageError(f"{error.filename}: not installed: run tools/system_packages.sh") from None
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()[-1]
        raise ImageError(f"{' '.join(str(part) for part in command[:4])}: {said}")
    return done.stdout


def program_of(env: str, build: Path) -> Path:
    """The firmware of a QEMU board, built by PlatformIO."""
    run(sys.executable, "tools/pio.py", "run", "-e", env, PLATFORMIO_BUILD_DIR=str(build))
    return build / env / "firmware.elf"


def link_for_c3(objects: Path, out: Path) -> Path:
    """The RV32IMC firmware's objects, linked at the ESP32-C3's addresses."""
    parts = sorted(objects.rglob("*.o"))
    run(
        "riscv64-unknown-elf-gcc",
        *MACHINE_C3,
        "-nostartfiles",
        "-Wl,--gc-sections",
        "-T",
        SCRIPTS / "esp32c3.ld",
        *parts,
        "-o",
        out,
    )
    return out


def make_image(chip: str, program: Path, out: Path) -> Image:
    """Packs a program; raises ImageError unless esptool then finds checksum and hash valid."""
    run(sys.executable, "-m", "esptool", "--chip", chip, "elf2image", "--flash-size", "4MB", "-o", out, program)
    said = run(sys.executable, "-m", "esptool", "--chip", chip, "image-info", out)
    for what in ("Checksum", "Validation hash"):
        if not re.search(rf"^{what}: \S+ \(valid\)", said, re.MULTILINE):
            raise ImageError(f"{out}: esptool does not find its {what.lower()} valid")
    entry = re.search(r"^Entry point: (0x[0-9a-f]+)", said, re.MULTILINE)
    rows = re.findall(r"^ *\d+ +0x([0-9a-f]+) +0x([0-9a-f]+) +0x[0-9a-f]+ *(.*?) *$", said, re.MULTILINE)
    if entry is None or not rows:
        raise ImageError(f"{out}: esptool's image-info has no entry point or no segments")
    segments = tuple((int(size, 16), int(address, 16), kind) for size, address, kind in rows)
    for size, address, kind in segments:
        if not kind:
            raise ImageError(f"{out}: {size} bytes at {address:#x}, where this chip has no memory")
    return Image(chip, out, int(entry[1], 16), segments)


def make_images(out: Path) -> list[Image]:
    """Both images, in a folder that is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wattprint-images-") as folder:
        build = Path(folder)
        esp32 = make_image("esp32", program_of("qemu_lx6", build), out / "esp32.bin")
        objects = program_of("qemu_riscv32", build).parent
        c3 = make_image("esp32c3", link_for_c3(objects, build / "esp32c3.elf"), out / "esp32c3.bin")
    return [esp32, c3]


def main() -> int:
    """Parses the command line."""
    first, _, rest = (__doc__ or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=first, epilog=rest, formatter_class=formatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for esp32.bin and esp32c3.bin")
    for image in make_images(parser.parse_args().out.absolute()):
        print(image.line())
    print("PASS  containers are valid: checksum, hash, segments. This says nothing about booting.")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ImageError as error:
        print(f"esp_images: {error}", file=sys.stderr)
        sys.exit(EXIT_BUILD)
    except KeyboardInterrupt:
        sys.exit(130)
