"""wattprint.toml: what is accepted, what is refused and how it is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from train.cli import main
from train.config import Config, as_toml, config_values, load_config
from train.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "other.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_committed_file_spells_out_the_defaults() -> None:
    path = ROOT / "wattprint.toml"
    assert load_config(path) == Config()
    text = path.read_text(encoding="utf-8")
    for section in config_values(Config()).values():
        for key in section:
            assert key in text, key


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    config = load_config(written(tmp_path, "[forest.device]\nrounds = 3\neta = 1\n[budget]\nflash_bytes = 100\n"))
    assert (config.forest.device.rounds, config.forest.device.eta, config.budget.flash_bytes) == (3, 1.0, 100)
    assert isinstance(config.forest.device.eta, float)
    assert config.forest.device.max_depth == Config().forest.device.max_depth
    assert config.forest.remaining == Config().forest.remaining


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("speed = 1", ["unknown key speed", "fleet"]),
        ("[forest.device]\nround = 3", ["unknown key forest.device.round", "rounds"]),
        ("[forest]\ndevice = 3", ["forest.device must be a section"]),
        ('[fleet]\nseed = "1"', ["fleet.seed must be a whole number", "'1'"]),
        ("[fleet]\nseed = 1.5", ["fleet.seed must be a whole number"]),
        ("[fleet]\nseed = true", ["fleet.seed must be a whole number"]),
        ('[split]\nheld_out = "x"', ["split.held_out must be a number"]),
        ("[forest.remaining]\nmax_depth = 0", ["forest.remaining.max_depth must lie within 1 to 16", "not 0"]),
        ("[forest.remaining]\nmax_depth = 17", ["forest.remaining.max_depth"]),
        ("[forest.remaining]\neta = nan", ["forest.remaining.eta"]),
        ("[forest.remaining]\nkept_tails = 0", ["forest.remaining.kept_tails must lie within 0.01 to 1.0", "not 0"]),
        ("[forest.device]\nkept_splits = 75", ["forest.device.kept_splits must lie within 0.01 to 1.0", "not 75"]),
        ("[forest.device]\nkept_tails = 0.5", ["unknown key forest.device.kept_tails", "kept_splits"]),
        ("[forest.device]\nrefined = 1", ["forest.device.refined must be true or false", "not 1"]),
        ("[forest]\nfew_leaf_bits = 1", ["forest.few_leaf_bits must lie within 2 to 16", "not 1"]),
        ("[split]\nheld_out = 0.6\ncalibration = 0.5", ["split.calibration + split.held_out"]),
        ("[split", ["cannot be read"]),
    ],
)
def test_refusals_name_file_and_key(tmp_path: Path, text: str, words: list[str]) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    assert "\n" not in str(error.value)
    for word in [str(path), *words]:
        assert word in str(error.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not found"):
        load_config(tmp_path / "none.toml")


def test_without_a_file_the_folder_s_own_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config() == Config()
    (tmp_path / "wattprint.toml").write_text("[verify]\ncharges = 3\n")
    assert load_config().verify.charges == 3


def test_text_form_reads_back(tmp_path: Path) -> None:
    assert load_config(written(tmp_path, as_toml(config_values(Config())))) == Config()


def test_command_prints_json_or_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, "[verify]\ncharges = 3\n")
    assert main(["config", "--config", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verify"] == {"charges": 3}
    path.write_text("[verify]\ncharge = 3\n")
    assert main(["config", "--config", str(path)]) == 2
    output = capsys.readouterr()
    assert (output.out, output.err.count("\n")) == ("", 1)
