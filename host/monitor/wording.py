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
    """`41 – 56 min`, `1 h 20 – 2 h 05 min`."""
    low, high = minutes(low_s), minutes(high_s)
    if low == high:
        return low
    short = low.removesuffix(" min") if low[0] != "<" else "0"
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
    whole = f"{charge.charge_mah:,.0f}".replace(",", " ")
    return f"{'' if charge.whole else '≥ '}{whole} mAh"


def device(answer: Answer) -> str:
    """The name as a title: `galaxy s21`."""
    return answer.label.replace("_", " ")


def link(health: LinkHealth) -> str:
    """`7 796 lines, all whole` or what went wrong."""
    lines = f"{health.lines:,} lines".replace(",", " ")
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
    """What the board says of its own speed; empty where it says nothing."""
    counters = snapshot.counters
    if "answer_us" in counters:
        return f"answers in {counters['answer_us']} µs, at most {counters['answer_max_us']} µs"
    if counters.get("ticks_per_s") == 0 and "answer_ticks" in counters:
        ticks, longest = (f"{counters[key]:,}".replace(",", " ") for key in ("answer_ticks", "answer_max_ticks"))
        return f"answers in {ticks} instructions, at most {longest}"
    return ""
