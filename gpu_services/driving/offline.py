"""Errors on held-out players, beside two rules that know nothing: the median, and the frame before.

Plain MAE says little on recorded driving (facts: always saying the median errs by 0.0015 in steering
on real sessions), so each error stands beside those of both rules, by command, speed and turning.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import polars as pl
import torch

from gpu_services.driving.augment import normalise
from gpu_services.driving.batches import Gatherer
from gpu_services.driving.frames import FrameStore
from gpu_services.driving.network import Cilrs
from gpu_services.driving.sampler import Rows
from gpu_services.runtime import Runtime
from scalediff_contract.driving import COMMANDS, CONTROLS
from scalediff_contract.jobs import OfflineMetric

_BATCH = 256
_TURNING_STEER = 0.05
_SPEEDS_MPS = (0.0, 0.5, 3.0, 6.0, 9.0, 100.0)
Floats = npt.NDArray[np.float32]


@torch.no_grad()
def predict(model: Cilrs, store: FrameStore, rows: Rows, runtime: Runtime) -> Floats:
    """What the model says to frames: `(n, 4)` steer, throttle, brake, speed in m/s (NaN without a head)."""
    gather, scale = Gatherer(store, runtime), model.architecture.speed_scale_mps
    said = []
    for first in range(0, len(rows), _BATCH):
        batch = gather(rows[first : first + _BATCH])
        with torch.autocast(runtime.device.type, torch.bfloat16, enabled=runtime.bf16):
            controls, speed = model(normalise(batch.picture), batch.speed_mps / scale, batch.command)
        unknown = torch.full((len(controls),), float("nan"), device=runtime.device)
        speed = unknown if speed is None else speed.float() * scale
        said.append(torch.cat([controls.float(), speed[:, None]], 1).cpu())
    return torch.cat(said).numpy() if said else np.zeros((0, 4), np.float32)


def prediction_table(store: FrameStore, rows: Rows, said: Floats) -> pl.DataFrame:
    """Truth and prediction of each row, with the label of the frame before."""
    names = (*CONTROLS, "target_mps")
    index = store.index.with_columns(
        pl.col(name).shift(1).over("session_id").alias(f"{name}_previous") for name in names
    )
    table = index[rows].select(
        "session_id", "segment_id", "command", "speed_mps", *names, *(f"{name}_previous" for name in names)
    )
    return table.with_columns(pl.Series(f"{name}_said", said[:, place]) for place, name in enumerate(names))


def offline_metrics(table: pl.DataFrame, train: pl.DataFrame) -> tuple[OfflineMetric, ...]:
    """Errors by control and slice.

    Args:
        table: Of `prediction_table` on the validation split.
        train: Index rows of the training split, for the medians.
    """
    names = {"steer": "steer", "throttle": "throttle", "brake": "brake", "speed_mps": "target_mps"}
    metrics = []
    for control, column in names.items():
        known = train[column].drop_nans().drop_nulls()
        if not known.len() or table[f"{column}_said"].is_nan().all():
            continue
        median = float(np.median(known.to_numpy()))
        for name, rows in _slices(table):
            measured = rows.filter(pl.col(column).is_not_nan() & pl.col(f"{column}_said").is_not_nan())
            if measured.height:
                metrics.append(_metric(control, name, measured, column, median))
    return tuple(metrics)


def _metric(control: str, name: str, rows: pl.DataFrame, column: str, median: float) -> OfflineMetric:
    truth = rows[column].to_numpy().astype(np.float64)
    before = rows[f"{column}_previous"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    has_before = ~np.isnan(before)
    previous = float(np.abs(truth - before)[has_before].mean()) if has_before.any() else None
    return OfflineMetric(
        control=control,
        slice=name,
        n=len(truth),
        mae=float(np.abs(truth - rows[f"{column}_said"].to_numpy()).mean()),
        mae_median=float(np.abs(truth - median).mean()),
        mae_previous=previous,
    )


def _slices(table: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "all", table
    for number, command in enumerate(COMMANDS, start=1):
        yield f"command={command}", table.filter(pl.col("command") == number)
    for low, high in pairwise(_SPEEDS_MPS):
        inside = pl.col("speed_mps").is_between(low, high, closed="left")
        yield f"speed={low:g}-{high:g}" if high < 100 else f"speed={low:g}-", table.filter(inside)
    yield "turning", table.filter(pl.col("steer").abs() > _TURNING_STEER)
