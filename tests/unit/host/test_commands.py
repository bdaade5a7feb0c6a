"""What a command started on the way says when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from host.commands import run_module
from host.errors import CommandError


def test_its_last_line_without_a_second_error_word(tmp_path: Path) -> None:
    arguments = ["reference", "--artifact", str(tmp_path), "--data", str(tmp_path), "--out", str(tmp_path / "r")]
    with pytest.raises(CommandError) as caught:
        run_module("codegen", arguments)
    assert str(caught.value).startswith(f"python -m codegen reference failed: {tmp_path}")
    assert caught.value.exit_code == 2
