"""What model owners look at: learning curves, errors by command and speed, truth against prediction."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from scalediff_assets.charts import figure, png
from scalediff_contract.jobs import OfflineMetric

_MODEL, _MEDIAN, _PREVIOUS = "#4c78a8", "#bab0ac", "#f58518"
_POINTS = 4_000


def curves(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Losses and validation errors over steps, from a spool's rows."""
    drawn, axes = figure(1, 3, (11, 3.2))
    panels = (
        ("training loss", ("train/loss", "train/loss_steer", "train/loss_speed")),
        ("held-out MAE: controls", ("val/steer_mae", "val/throttle_mae", "val/brake_mae")),
        ("held-out MAE: speed to come, m/s", ("val/speed_mps_mae",)),
    )
    for axis, (title, names) in zip(axes, panels, strict=True):
        for name in names:
            points = [(row["step"], row["metrics"][name]) for row in rows if name in row["metrics"]]
            if points:
                axis.plot(*zip(*points, strict=True), label=name.partition("/")[2], linewidth=1.4)
        axis.set_title(title, fontsize=9)
        axis.set_xlabel("step", fontsize=8)
        axis.legend(fontsize=7)
    return png(drawn)


def errors(metrics: Sequence[OfflineMetric]) -> bytes:
    """The model's errors beside both rules', by control and slice."""
    controls = list(dict.fromkeys(metric.control for metric in metrics))
    drawn, axes = figure(1, max(1, len(controls)), (3.4 * max(1, len(controls)), 4.2))
    for axis, control in zip(axes, controls, strict=False):
        shown = [metric for metric in metrics if metric.control == control][::-1]
        places = range(len(shown))
        axis.barh([p + 0.27 for p in places], [m.mae for m in shown], 0.26, color=_MODEL, label="model")
        axis.barh(list(places), [m.mae_median for m in shown], 0.26, color=_MEDIAN, label="median")
        previous = [m.mae_previous or 0.0 for m in shown]
        axis.barh([p - 0.27 for p in places], previous, 0.26, color=_PREVIOUS, label="frame before")
        axis.set_yticks(list(places), [f"{m.slice} ({m.n})" for m in shown], fontsize=7)
        axis.set_title(f"MAE of {control}", fontsize=9)
        axis.legend(fontsize=6)
    return png(drawn)


def scatter(predictions: pl.DataFrame) -> bytes:
    """Truth against prediction for steering and the speed to come."""
    names = [n for n in ("steer", "target_mps") if predictions[f"{n}_said"].is_not_nan().any()]
    drawn, axes = figure(1, len(names), (4.2 * len(names), 4.0))
    sample = predictions.gather_every(max(1, predictions.height // _POINTS))
    for axis, name in zip(axes, names, strict=True):
        axis.scatter(sample[name], sample[f"{name}_said"], s=3, alpha=0.3, color=_MODEL)
        low, high = axis.get_xlim()
        axis.plot((low, high), (low, high), color="#e45756", linewidth=1)
        axis.set_xlabel(f"{name}: driven", fontsize=8)
        axis.set_ylabel("predicted", fontsize=8)
    return png(drawn)
