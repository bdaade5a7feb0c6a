"""wattprint.toml: what a build trains on and how, with every value checked before anything runs.

The defaults below are those of the committed wattprint.toml, where each key is explained; a file need only
name what it changes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar

from train.errors import ConfigError

DEFAULT_FILE = "wattprint.toml"

T = TypeVar("T")


def _integer(default: int | None, low: int, high: int) -> Any:
    return field(default=default, metadata={"type": int, "low": low, "high": high})


def _flag(default: bool) -> Any:
    return field(default=default, metadata={"type": bool})


def _choice(default: str, *choices: str) -> Any:
    return field(default=default, metadata={"type": str, "choices": choices})


def _number(default: float, low: float, high: float) -> Any:
    return field(default=default, metadata={"type": float, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class Fleet:
    """The simulated fleet a build trains on when it is given no data."""

    seed: int = _integer(1, 0, 2**31 - 1)
    units_per_device: int = _integer(120, 1, 10_000)
    charges_per_unit: int = _integer(2, 1, 10_000)


@dataclass(frozen=True, slots=True)
class Forest:
    """Parameters of one boosted forest; a charge's rows weigh 1 together."""

    rounds: int = _integer(16, 1, 10_000)
    max_depth: int = _integer(3, 1, 16)
    eta: float = _number(0.4, 1e-4, 1.0)
    max_bin: int = _integer(256, 2, 65_536)
    gamma: float = _number(0.0, 0.0, 1e9)
    min_child_weight: float = _number(1.0, 0.0, 1e9)
    l2: float = _number(0.1, 0.0, 1e9)
    early_weight: float = _number(4.0, 0.01, 1000.0)
    leaf_bits: int = _integer(12, 2, 16)
    subsample: float = _number(1.0, 0.01, 1.0)
    colsample: float = _number(1.0, 0.01, 1.0)
    kept_splits: float = _number(1.0, 0.01, 1.0)
    refined: bool = _flag(default=False)


@dataclass(frozen=True, slots=True)
class RemainingForest(Forest):
    """Parameters of the forest of three quantiles."""

    kept_tails: float = _number(1.0, 0.01, 1.0)


@dataclass(frozen=True, slots=True)
class Forests:
    """The two forests of an artifact."""

    seed: int = _integer(1, 0, 2**31 - 1)
    smoothing_s: int = _integer(180, 0, 2**16 - 1)
    few_leaf_bits: int = _integer(12, 2, 16)
    device: Forest = Forest(
        rounds=12, max_depth=5, eta=0.5, max_bin=64, gamma=0.3, min_child_weight=0.1, early_weight=10.0, leaf_bits=6,
        kept_splits=0.75, refined=True,
    )  # fmt: skip
    remaining: RemainingForest = RemainingForest(
        rounds=16, max_depth=6, eta=0.4, max_bin=128, min_child_weight=2.0, early_weight=7.0, leaf_bits=7,
        kept_splits=0.8, kept_tails=0.5, refined=True,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Dense:
    """Sizes of a network that sees the latest features."""

    inputs: int = _integer(44, 2, 255)
    units: int = _integer(28, 1, 128)
    hidden: int = _integer(16, 1, 128)


@dataclass(frozen=True, slots=True)
class Windowed:
    """Sizes of a network that sees a window of past rows as well."""

    inputs: int = _integer(24, 2, 255)
    units: int = _integer(16, 1, 128)
    hidden: int = _integer(16, 1, 128)
    filters: int = _integer(4, 1, 64)
    kernel: int = _integer(5, 1, 16)
    rows: int = _integer(14, 8, 64)
    tick_s: int = _integer(4, 1, 3600)


@dataclass(frozen=True, slots=True)
class Recurrent:
    """Sizes of a network that keeps a state; units are the state's."""

    inputs: int = _integer(24, 2, 255)
    units: int = _integer(8, 1, 64)
    hidden: int = _integer(16, 1, 128)
    tick_s: int = _integer(60, 1, 3600)


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Parameters of a network: `fit --kind network`."""

    seed: int = _integer(1, 0, 2**31 - 1)
    topology: str = _choice("dense", "dense", "conv", "separable", "gru")
    epochs: int = _integer(40, 1, 10_000)
    batch: int = _integer(256, 1, 65_536)
    learning_rate: float = _number(0.005, 1e-6, 1.0)
    distil: float = _number(0.5, 0.0, 1.0)
    smoothing_s: int = _integer(180, 0, 2**16 - 1)
    dense: Dense = Dense()
    conv: Windowed = Windowed()
    separable: Windowed = Windowed(rows=12, tick_s=5)
    gru: Recurrent = Recurrent()


@dataclass(frozen=True, slots=True)
class Split:
    """Shares of a device's units; the rest trains."""

    seed: int = _integer(1, 0, 2**31 - 1)
    calibration: float = _number(0.2, 0.0, 0.8)
    held_out: float = _number(0.2, 0.0, 0.8)
    enough_calibration_units: int = _integer(20, 0, 1_000_000)


@dataclass(frozen=True, slots=True)
class Verify:
    """What is replayed through the firmware after a build."""

    charges: int = _integer(17, 1, 1_000_000)


@dataclass(frozen=True, slots=True)
class Budget:
    """What model and core may cost on rv32imc; the firmware around them takes 8 KB of flash."""

    flash_bytes: int = _integer(24_300, 1, 2**32 - 1)
    ram_bytes: int = _integer(2_048, 1, 2**32 - 1)
    instructions: int = _integer(20_000, 1, 2**32 - 1)


@dataclass(frozen=True, slots=True)
class HouseholdSettings:
    """How the cars of a household are enrolled: profile ev."""

    enrol: int = _integer(10, 3, 10_000)


@dataclass(frozen=True, slots=True)
class Config:
    """All of wattprint.toml."""

    profile: str = _choice("phone", "phone", "ev")
    fleet: Fleet = Fleet()
    forest: Forests = Forests()
    network: NetworkSettings = NetworkSettings()
    split: Split = Split()
    household: HouseholdSettings = HouseholdSettings()
    verify: Verify = Verify()
    budget: Budget = Budget()


def load_config(path: Path | None = None) -> Config:
    """Read a configuration file; without one, wattprint.toml of the working folder or else the defaults.

    Raises ConfigError naming file and key.
    """
    if path is None:
        path = Path(DEFAULT_FILE)
        if not path.exists():
            return Config()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: not found; name a file like wattprint.toml with --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}") from None
    config = _section(Config(), values, str(path), "")
    if config.split.calibration + config.split.held_out > 0.9:
        raise ConfigError(f"{path}: split.calibration + split.held_out leave less than a tenth to train on; lower them")
    return config


def config_values(config: Config) -> dict[str, Any]:
    """The configuration as nested plain values, as `train config --json` prints it."""
    return asdict(config)


def _section(defaults: T, values: Mapping[str, Any], path: str, prefix: str) -> T:
    """`defaults` with `values` put over it; keys are named with `prefix` in messages."""
    known = {item.name: item for item in fields(defaults)}  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {prefix}{key}; known here: {', '.join(known)}")
    given: dict[str, Any] = {}
    for name, item in known.items():
        current = getattr(defaults, name)
        if name not in values:
            given[name] = current
        elif is_dataclass(current):
            if not isinstance(values[name], dict):
                raise ConfigError(f"{path}: {prefix}{name} must be a section, [{prefix}{name}]")
            given[name] = _section(current, values[name], path, f"{prefix}{name}.")
        else:
            given[name] = _checked(values[name], item.metadata, path, prefix + name)
    return type(defaults)(**given)


def _checked(value: Any, limits: Mapping[str, Any], path: str, key: str) -> int | float | str:
    if "choices" in limits:
        if value not in limits["choices"]:
            raise ConfigError(f"{path}: {key} must be one of {', '.join(limits['choices'])}, not {value!r}")
        return str(value)
    if limits["type"] is bool:
        if not isinstance(value, bool):
            raise ConfigError(f"{path}: {key} must be true or false, not {value!r}")
        return value
    wanted, low, high = limits["type"], limits["low"], limits["high"]
    numeric = isinstance(value, int) or (wanted is float and isinstance(value, float))
    if not numeric or isinstance(value, bool):
        kind = "a whole number" if wanted is int else "a number"
        raise ConfigError(f"{path}: {key} must be {kind}, not {value!r}")
    if not low <= value <= high:
        raise ConfigError(f"{path}: {key} must lie within {low} to {high}, not {value!r}")
    return int(value) if wanted is int else float(value)


def as_toml(values: Mapping[str, Any], prefix: str = "") -> str:
    """Nested plain values as TOML; keys without a value are left out."""
    lines = [
        f"{key} = {json.dumps(value)}"
        for key, value in values.items()
        if value is not None and not isinstance(value, Mapping)
    ]
    text = "".join(f"{line}\n" for line in lines)
    for key, value in values.items():
        if isinstance(value, Mapping):
            section = f"{prefix}{key}"
            text += f"\n[{section}]\n" + as_toml(value, f"{section}.").lstrip("\n")
    return text.lstrip("\n") if not prefix else text
