"""One process of a teacher's training, started by torch.distributed.run: `python -m train.teacher.worker OUT`.

DeepSpeed shards gradients and optimiser states over the processes (ZeRO stage 2). A checkpoint is left after each
epoch; an epoch draws its order and its dropout from the seed and its number, so a run that was killed and goes on ends
as one that was not.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from train.features.table import FeatureTable, load_table
from train.sessions.place import place
from train.teacher.network import Teacher, loss_of
from train.teacher.sequences import ChargeSequence, read_sequences
from train.teacher.settings import N_FOLDS, TEACHER, Settings, labels_file, read_settings, without_pid

ZERO_STAGE = 2
POOL = 4  # batches drawn together


def main() -> None:
    """Train a teacher for each fold, label all rows, and say so."""
    out = Path(sys.argv[1])
    settings = read_settings(out)
    _end_with(settings.launcher_pid)
    deepspeed = _deepspeed()
    torch.set_num_threads(1)
    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    table = load_table(place(settings.rows))
    started = time.monotonic()
    engines = [_train(deepspeed, table, settings, fold, out, rank, world) for fold in range(N_FOLDS)]
    _label(engines, table, settings, out, range(rank, len(table.parts), world))
    torch.distributed.barrier()
    if rank == 0:
        about = {
            **without_pid(settings),
            "processes": world,
            "zero_stage": ZERO_STAGE,
            "parameters": sum(weight.numel() for weight in engines[0].module.parameters()),
            "seconds": round(time.monotonic() - started, 1),
            "versions": {"torch": torch.__version__, "deepspeed": deepspeed.__version__},
        }
        (out / TEACHER).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()


def _deepspeed() -> Any:
    """DeepSpeed, joined with the other processes, without an operator to compile.

    Its shared-memory collective is built at the first start, for a minute, and a build that is killed leaves a lock
    that the next one waits for; gloo does without.
    """
    import deepspeed

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    deepspeed.init_distributed(dist_backend=backend, verbose=False)
    return deepspeed


def _end_with(pid: int) -> None:
    """End when the launcher has: a killed run must leave no process that writes on."""

    def watch() -> None:
        while pid:
            time.sleep(1)
            try:
                os.kill(pid, 0)
            except ProcessLookupError:
                os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _train(deepspeed: Any, table: FeatureTable, settings: Settings, fold: int, out: Path, rank: int, world: int) -> Any:
    """The teacher that has not seen the units of `fold`."""
    units = {unit for number, members in enumerate(settings.folds) if number != fold for unit in members}
    charges = list(read_sequences(table, range(len(table.parts)), settings.devices, units))
    torch.manual_seed(settings.seed + fold)
    model = Teacher(2 * len(table.features), len(settings.devices), settings.hidden, settings.layers)
    model.standardise(torch.from_numpy(np.concatenate([one.x for one in charges])))
    optimizer = torch.optim.AdamW(model.parameters(), lr=settings.learning_rate, weight_decay=0.01)
    config = {
        "train_micro_batch_size_per_gpu": settings.batch_charges,
        "zero_optimization": {"stage": ZERO_STAGE},
        "zero_allow_untested_optimizer": True,
        "gradient_clipping": 1.0,
        "steps_per_print": 10**9,
    }
    engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=config)
    checkpoints = out / f"fold{fold}"
    _, state = engine.load_checkpoint(str(checkpoints)) if (checkpoints / "latest").exists() else (None, None)
    first_epoch = 0 if state is None else int(state["epoch"]) + 1
    for epoch in range(first_epoch, settings.epochs):
        loss = _epoch(engine, charges, settings, fold, epoch, rank, world)
        engine.save_checkpoint(str(checkpoints), tag=f"epoch{epoch}", client_state={"epoch": epoch})
        if rank == 0:
            shutil.rmtree(checkpoints / f"epoch{epoch - 2}", ignore_errors=True)
            print(
                f"teacher {fold + 1} of {N_FOLDS}: epoch {epoch + 1} of {settings.epochs}, loss {loss:.4f}", flush=True
            )
    return engine


def _epoch(
    engine: Any, charges: Sequence[ChargeSequence], settings: Settings, fold: int, epoch: int, rank: int, world: int
) -> float:
    """One pass over the charges; returns the mean loss of this process."""
    torch.manual_seed(((settings.seed * 1009 + fold) * 100_003 + epoch) * world + rank)
    random = np.random.default_rng([settings.seed, fold, epoch])
    step = settings.batch_charges * world
    batches = _batches([len(one.x) for one in charges], step, random)
    engine.train()
    losses = []
    for k, batch in enumerate(batches):
        _set_rate(engine, settings, (epoch + k / len(batches)) / settings.epochs)
        chosen = [charges[number] for number in batch[rank::world]]  # each process takes as many
        x, device, left, weight = _padded(chosen)
        logits, hours = engine(x)
        loss = loss_of(logits, hours, device, left, weight)
        engine.backward(loss)
        engine.step()
        losses.append(float(loss.detach()))
    return float(np.mean(losses))


def _batches(lengths: Sequence[int], step: int, random: np.random.Generator) -> list[list[int]]:
    """Numbers of charges, `step` a batch, drawn anew; of a few batches' worth the lengths go together, to pad less."""
    order = random.permutation(len(lengths))
    order = np.resize(order, max(step, len(order) - len(order) % step))  # few charges come twice
    pools = [order[start : start + POOL * step] for start in range(0, len(order), POOL * step)]
    in_pools = [sorted(pool.tolist(), key=lambda number: lengths[number]) for pool in pools]
    batches = [pool[start : start + step] for pool in in_pools for start in range(0, len(pool), step)]
    random.shuffle(batches)
    return batches


def _set_rate(engine: Any, settings: Settings, progress: float) -> None:
    """A short rise, then half a cosine down to nothing."""
    rate = settings.learning_rate * min(1.0, progress / 0.05 + 0.05) * 0.5 * (1 + np.cos(np.pi * progress))
    for group in engine.optimizer.param_groups:
        group["lr"] = float(rate)


def _padded(charges: Sequence[ChargeSequence]) -> tuple[Any, Any, Any, Any]:
    """Charges side by side, [b, t, …]; weight 0 behind the end of each."""
    n = max(len(one.x) for one in charges)
    x = np.zeros((len(charges), n, charges[0].x.shape[1]), np.float32)
    left = np.full((len(charges), n), np.nan, np.float32)
    weight = np.zeros((len(charges), n), np.float32)
    for k, one in enumerate(charges):
        x[k, : len(one.x)], left[k, : len(one.x)], weight[k, : len(one.x)] = one.x, one.hours, one.weight
    device = np.array([one.device for one in charges], np.int64)
    return tuple(map(torch.from_numpy, (x, device, left, weight)))


def _label(engines: Sequence[Any], table: FeatureTable, settings: Settings, out: Path, parts: Sequence[int]) -> None:
    """Write the labels of some parts: of the one teacher that has not seen the unit, else the mean of all."""
    from train.features.table import read_part_charges

    fold_of = {unit: fold for fold, members in enumerate(settings.folds) for unit in members}
    (out / "labels").mkdir(exist_ok=True)
    for engine in engines:
        engine.eval()
    for number in parts:
        part = table.parts[number]
        charges = read_part_charges(table.path, part.name)
        keys = iter([key for key, n in zip(charges.unit_keys, _rows_a_charge(table, number), strict=True) if n])
        labels = np.full((part.rows, len(settings.devices) + 3), np.nan, np.float32)
        for one in read_sequences(table, [number], settings.devices):
            fold = fold_of.get(next(keys))
            chosen = engines if fold is None else [engines[fold]]
            labels[one.first_row : one.first_row + len(one.x)] = _answer(chosen, one)
        _write_labels(labels_file(out, part.name), labels)


def _rows_a_charge(table: FeatureTable, number: int) -> Any:
    from train.features.table import read_part_rows

    rows = read_part_rows(table.path, table.parts[number].name, ("elapsed_s",))
    return np.bincount(rows.charge, minlength=table.parts[number].charges)


def _answer(engines: Sequence[Any], one: ChargeSequence) -> Any:
    """[n, devices + 3]: probabilities, then seconds to full at 10, 50 and 90 %."""
    found = []
    with torch.no_grad():
        for engine in engines:
            logits, hours = engine(torch.from_numpy(one.x)[None])
            found.append(torch.cat([torch.softmax(logits[0], -1), 3600 * hours[0]], dim=-1).numpy())
    return np.mean(found, axis=0)


def _write_labels(path: Path, labels: Any) -> None:
    import pyarrow
    from pyarrow import parquet

    n_devices = labels.shape[1] - 3
    names = [*(f"p{k}" for k in range(n_devices)), "q100_s", "q500_s", "q900_s"]
    columns = [np.ascontiguousarray(labels[:, k]) for k in range(labels.shape[1])]
    temporary = path.with_name(f".{path.name}.tmp")
    parquet.write_table(pyarrow.table(columns, names=names), temporary, compression="zstd")
    temporary.replace(path)


if __name__ == "__main__":
    main()
