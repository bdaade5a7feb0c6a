"""Images for ESP32 and ESP32-C3: that their containers are right, which says nothing about booting."""

from __future__ import annotations

import hashlib
import importlib.util
import struct
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.firmware.boards import BOARDS
from tests.firmware.conftest import ROOT

pytestmark = [pytest.mark.firmware, pytest.mark.qemu(*BOARDS[-1].programs), pytest.mark.xdist_group("firmware")]

CHIP_IDS = {"esp32": 0, "esp32c3": 5}  # ESP-IDF, esp_chip_id_t
HEADER_BYTES, SEGMENT_HEADER_BYTES, HASH_BYTES = 24, 8, 32


def _tool() -> ModuleType:
    """tools/esp_images.py, which is a program and no package."""
    spec = importlib.util.spec_from_file_location("esp_images", ROOT / "tools" / "esp_images.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["esp_images"] = module  # for its dataclasses
    spec.loader.exec_module(module)
    return module


esp_images = _tool()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    made: list[Any] = esp_images.make_images(tmp_path_factory.mktemp("images"))
    return made


def test_containers_read_by_hand(images: list[Any]) -> None:
    """Header, segments, checksum and hash as Espressif's page on the image format has them, without esptool."""
    assert [image.chip for image in images] == ["esp32", "esp32c3"]
    for image in images:
        data = image.path.read_bytes()
        magic, n_segments, _, _, entry = struct.unpack_from("<BBBBI", data)
        assert (magic, n_segments, entry) == (0xE9, len(image.segments), image.entry)
        assert struct.unpack_from("<H", data, 12)[0] == CHIP_IDS[image.chip]
        at, checksum = HEADER_BYTES, 0xEF
        for size, address, _ in image.segments:
            assert struct.unpack_from("<II", data, at) == (address, size)
            payload = data[at + SEGMENT_HEADER_BYTES :][:size]
            for byte in payload:
                checksum ^= byte
            at += SEGMENT_HEADER_BYTES + size
        end = at | 15
        assert data[end] == checksum
        assert data[end + 1 :] == hashlib.sha256(data[: end + 1]).digest()
        assert len(data) == end + 1 + HASH_BYTES


@pytest.mark.parametrize(
    ("chip", "code", "constants"), [("esp32", 0x400D0020, 0x3F400020), ("esp32c3", 0x42010020, 0x3C000020)]
)
def test_code_and_constants_lie_where_flash_is_mapped(images: list[Any], chip: str, code: int, constants: int) -> None:
    (image,) = (image for image in images if image.chip == chip)
    kinds = {address: kind for _, address, kind in image.segments}
    assert kinds[code] == "IROM"
    assert kinds[constants].startswith("DROM")
    assert code <= image.entry < code + 65536 or kinds.get(image.entry & ~0xFFFF, "") == "IRAM"


def test_program_at_other_addresses_is_refused(tmp_path: Path) -> None:
    program = esp_images.program_of("qemu_riscv32", tmp_path)
    with pytest.raises(esp_images.ImageError, match="where this chip has no memory"):
        esp_images.make_image("esp32c3", program, tmp_path / "image.bin")
