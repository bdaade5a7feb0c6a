"""What carries over between few units of a device: a smooth process or a plain forest, whichever answers better.

A process (train/models/process.py) assumes how a current decays. Where devices do so, as bare cells do, it needs fewer
units than a forest to tell another's charges; where they step down or are held by their supply, a forest over the same
features does better. Units that are left out in turn tell which it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from train.models.learnt import Learnt
from train.models.own import Few
from train.models.own_notes import left_out_minutes
from train.sessions.types import Charge


def learn_between_units(
    few: Few | None, several: bool, charges: Sequence[Charge], learn: Callable[[Few | None], Learnt]
) -> Learnt:
    """What `learn` makes with a process, or with a plain forest where units left out in turn are answered better so.

    several  whether a device has more than one unit to learn from; otherwise there is nothing to choose
    charges  those learnt from, as `learn` numbers them

    The manifest has what was chosen and both errors under `training`, `between_units`.
    """
    if few is None or few.prior is not None or not several:
        return learn(few)
    smooth = learn(few)
    stepped = learn(replace(few, smooth=False))
    off = [left_out_minutes(charges, few, one.unseen.course).answered for one in (smooth, stepped)]
    if not len(off[0]):
        return smooth
    process, forest = (round(float(np.mean(one)), 2) for one in off)
    used, chosen = ("forest", stepped) if forest < process else ("process", smooth)
    entry = {"used": used, "left_out_charges": len(off[0]), "off_minutes": {"process": process, "forest": forest}}
    note = (
        f"minutes of other units rest on a {used}: {len(off[0])} charges, answered by models without their units, are "
        f"{process:.1f} min off by a process, {forest:.1f} by a plain forest"
    )
    return replace(chosen, training={**chosen.training, "between_units": entry}, notes=(*chosen.notes, note))
