"""What a charge point's board says, in the words of every view."""

from __future__ import annotations

from host.live_vehicle import VehicleReading
from host.monitor.wording import interval, minutes
from host.vehicle_answers import VehicleAnswer
from host.vehicle_messages import LATE, ON, STOP, Advice


def car(answer: VehicleAnswer) -> str:
    """`id 3 58`, `id 3 58 or model 3`, or the class of one that is not known."""
    if answer.unknown:
        return f"not one of the cars it knows: {capability(answer)}"
    return " or ".join(answer.cars).replace("_", " ")


def capability(answer: VehicleAnswer) -> str:
    """`3 phases, 11 kW`."""
    if answer.power_class_w <= 0:
        return "has not drawn yet"
    side = "DC" if answer.direct else f"{answer.phases} phase{'' if answer.phases == 1 else 's'}"
    return f"{side}, {answer.power_class_w / 1000:g} kW"


def target(answer: VehicleAnswer) -> str:
    """`to the target 3 h 12 min (2 h 50 – 3 h 40 min)`."""
    if answer.target_s is None:
        return "to the target: not known without a state of charge"
    low, middle, high = answer.target_s
    if middle <= 0:
        return "the target is reached"
    return f"to the target {minutes(middle)} ({interval(low, high)})"


def phases(reading: VehicleReading) -> str:
    """`L1 230.1 V 15.90 A  L2 …`; in DC one alone."""
    pairs = zip(reading.voltage_mv, reading.current_ma, strict=True)
    shown = [f"L{k} {v / 1000:.1f} V {i / 1000:.2f} A" for k, (v, i) in enumerate(pairs, 1) if v or i]
    return "  ".join(shown) or "no voltage"


def point(reading: VehicleReading, answer: VehicleAnswer | None) -> str:
    """Pilot, state of charge, power factor and what is to go, as far as they are known."""
    parts = [f"pilot {reading.pilot_da / 10:.1f} A" if reading.pilot_da >= 0 else "pilot not known"]
    parts.append(f"battery {reading.soc_pct} %" if reading.soc_pct >= 0 else "state of charge not told")
    if reading.power_factor_permille is not None:
        parts.append(f"power factor {reading.power_factor_permille / 1000:.3f}")
    if answer is not None and answer.energy_to_go_wh > 0:
        parts.append(f"{answer.energy_to_go_wh / 1000:.1f} kWh to go")
    return "  ".join(parts)


def advice(told: Advice) -> str:
    """What is proposed, and what is in force."""
    parts = ["stop: the target is reached"] if told.flags & STOP else []
    if told.flags & LATE:
        parts.append("it will not be ready in time")
    if told.start_in_s > 0:
        parts.append(f"may wait {minutes(told.start_in_s)}")
    parts.append(f"{told.limit_ma / 1000:g} A would do" if told.limit_ma < told.on_limit_ma else "")
    state = f"{'on' if told.flags & ON else 'off'}, at most {told.on_limit_ma / 1000:g} A"
    return "; ".join(part for part in (state, *parts) if part)
