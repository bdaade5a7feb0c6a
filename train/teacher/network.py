"""The teacher: stacked GRUs over a charge's rows, causal, with two heads."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

QUANTILES = (0.1, 0.5, 0.9)


class Teacher(nn.Module):  # type: ignore[misc]
    """Inputs [batch, time, n_inputs] to device logits [batch, time, n_devices] and hours to full [batch, time, 3]."""

    def __init__(self, n_inputs: int, n_devices: int, hidden: int, layers: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("scale", torch.ones(n_inputs))
        self.entry = nn.Sequential(nn.Linear(n_inputs, hidden), nn.GELU(), nn.LayerNorm(hidden))
        self.memory = nn.GRU(hidden, hidden, layers, batch_first=True, dropout=0.1 if layers > 1 else 0.0)
        self.after = nn.Sequential(nn.Dropout(0.1), nn.Linear(2 * hidden, hidden), nn.GELU())
        self.device = nn.Linear(hidden, n_devices)
        self.hours = nn.Linear(hidden, 3)

    def standardise(self, rows: Any) -> None:
        """Take the inputs' means and spreads from rows [n, n_inputs]."""
        self.mean.copy_(rows.mean(dim=0))
        self.scale.copy_(1 / rows.std(dim=0).clamp(min=1e-3))

    def forward(self, x: Any) -> tuple[Any, Any]:
        """The rows so far decide: nothing of the future is seen."""
        entry = self.entry((x - self.mean) * self.scale)
        found = self.after(torch.cat([entry, self.memory(entry)[0]], dim=-1))
        middle, below, above = self.hours(found).unbind(-1)
        spread = nn.functional.softplus
        return self.device(found), torch.stack([middle - spread(below), middle, middle + spread(above)], dim=-1)


def loss_of(logits: Any, hours: Any, device: Any, left: Any, weight: Any) -> Any:
    """Cross entropy of the device plus pinball loss of the hours, rows weighted; NaN hours are censored.

    logits [b, t, d], hours [b, t, 3], device [b] (-1: none of them), left [b, t], weight [b, t] (0 behind the end).
    """
    n_charges = weight.shape[0]
    log_p = torch.log_softmax(logits, dim=-1)
    known_device = (device >= 0).to(weight.dtype)
    chosen = log_p.gather(-1, device.clamp(min=0)[:, None, None].expand(-1, weight.shape[1], 1)).squeeze(-1)
    entropy = -(chosen * weight * known_device[:, None]).sum()
    known = ~torch.isnan(left)
    error = torch.where(known, left, torch.zeros_like(left))[..., None] - hours
    levels = torch.tensor(QUANTILES, dtype=hours.dtype, device=hours.device)
    pinball = torch.maximum(levels * error, (levels - 1) * error).sum(-1)
    return (entropy + 3 * (pinball * weight * known).sum()) / n_charges
