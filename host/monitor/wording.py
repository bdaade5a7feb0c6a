"""Figures as people read them; the same words in every view."""

from __future__ import annotations

import time

from host.monitor.snapshot import Answer, Charge, LinkHealth, Snapshot

HOURS_FROM_MIN = 100
"""Below, minutes alone; from here on, hours and minutes."""
DAY_S = 86_400


def minutes(seconds: int) -> str:
    """`47 min`, `1 h 42 min`; to the nearest minute, halves up."""
    whole = (seconds + 30) // 60
    if whole < 1:
        return "< 1 min"
    return f"{whole} min" if whole < HOURS_FROM_MIN else f"{whole // 60} h {whole % 60:02} min"


def interval(low_s: int, high_s: int) -> str:
    """`41 – 56 min`, `1 h 50 – 2 h 05 min`, and where hours begin in between `51 min – 1 h 57 min`."""
    low, high = minutes(low_s), minutes(high_s)
    if low == high:
        return low
    same_units = (" h " in low) == (" h " in high)
    short = "0" if low[0] == "<" else low.removesuffix(" min") if same_units else low
    return f"{short} – {high.removeprefix('< ')}"


def clock(at_s: float, now_s: float) -> str:
    """Local time of day; with the weekday when it is a day away or more."""
    then, now = time.localtime(at_s), time.localtime(now_s)
    same_day = (then.tm_year, then.tm_yday) == (now.tm_year, now.tm_yday)
    return time.strftime("%H:%M" if same_day or abs(at_s - now_s) < DAY_S / 2 else "%a %H:%M", then)


def duration(milliseconds: int) -> str:
    """`0:41:20`."""
    seconds = milliseconds // 1000
    return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def percent(permille: int) -> str:
    """`93 %`."""
    return f"{(permille + 5) // 10} %"


def volts(millivolts: int) -> str:
    """`9.012 V`."""
    return f"{millivolts / 1000:.3f} V"


def amperes(milliamperes: int) -> str:
    """`1.673 A`."""
    return f"{milliamperes / 1000:.3f} A"


def watts(milliwatts: int) -> str:
    """`15.08 W`."""
    return f"{milliwatts / 1000:.2f} W"


def watt_hours(charge: Charge) -> str:
    """`12.31 Wh`; with `≥` where the beginning was missed."""
    return f"{'' if charge.whole else '≥ '}{charge.energy_mwh / 1000:.2f} Wh"


def ampere_hours(charge: Charge) -> str:
    """`1 367 mAh`."""
    return f"{'' if charge.whole else '≥ '}{_thousands(round(charge.charge_mah))} mAh"


def device(answer: Answer) -> str:
    """The name as a title: `galaxy s21`."""
    return answer.label.replace("_", " ")


def link(health: LinkHealth) -> str:
    """`7 796 lines, all whole` or what went wrong."""
    lines = f"{_thousands(health.lines)} lines"
    troubles = [
        f"{count} {name}"
        for count, name in (
            (health.damaged, "damaged"),
            (health.missed_samples, "samples missed"),
            (health.missed_answers, "answers missed"),
            (health.restarts, "restarts"),
            (health.reconnects, "reconnects"),
        )
        if count
    ]
    return f"{lines}, " + (", ".join(troubles) if troubles else "none damaged or missed")


def board_time(snapshot: Snapshot) -> str:
    """What the board says of its own speed; empty where it says nothing, or is a board whose clock stands still."""
    counters = snapshot.counters
    if "answer_ticks" not in counters or "ticks_per_s" not in counters:
        if "answer_us" not in counters:
            return ""
        return f"answers in {counters['answer_us']} µs, at most {counters['answer_max_us']} µs"
    latest, longest, per_s = counters["answer_ticks"], counters["answer_max_ticks"], counters["ticks_per_s"]
    if longest == 0:
        return ""
    if per_s == 0:
        return f"answers in {_thousands(latest)} instructions, at most {_thousands(longest)}"
    return f"answers in {_micros(latest, per_s)} µs, at most {_micros(longest, per_s)} µs"


def _micros(ticks: int, per_s: int) -> str:
    micros = ticks * 1e6 / per_s
    return _thousands(round(micros)) if micros >= 10 else f"{micros:.1f}"


def _thousands(value: int) -> str:
    return f"{value:,}".replace(",", " ")
