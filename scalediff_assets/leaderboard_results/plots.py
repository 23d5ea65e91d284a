"""Pictures of closed-loop results: scores by route, scenarios by end status, drivers side by side."""

from typing import Any

import polars as pl

from scalediff_assets.charts import figure, png
from scalediff_assets.model_schemas import INFRACTIONS

_COLOURS = {"Perfect": "#54a24b", "Completed": "#4c78a8"}
_FAILED = "#e45756"


def route_picture(routes: pl.DataFrame) -> bytes:
    """Driving score and completion of each route, and what went wrong on it."""
    shown = routes.sort("route_set", "route_id", "repetition")
    names = [
        f"{row['route_id']} {row['scenario'].replace('none', '')}".strip()
        for row in shown.iter_rows(named=True)
    ]
    drawn, (left, right) = figure(1, 2, (11, max(2.6, 0.3 * len(names))))
    colours = [_COLOURS.get(status, _FAILED) for status in shown["status"]]
    places = list(range(len(names)))
    left.barh(places, shown["completion_percent"].to_list(), color="#dddddd", label="route completion")
    left.barh(places, shown["driving_score"].to_list(), color=colours, height=0.5, label="driving score")
    left.set_yticks(places, names, fontsize=7)
    left.invert_yaxis()
    left.set_xlim(0, 100)
    left.set_title(f"driving score (2.1) by route; backend: {shown['backend'][0]}", fontsize=9)
    counted = [name for name in INFRACTIONS if shown[name].sum()]
    right.barh(counted, [int(shown[name].sum()) for name in counted], color=_FAILED)
    right.set_title("infractions, events", fontsize=9)
    return png(drawn)


def confusion_picture(confusion: pl.DataFrame) -> bytes:
    """Scenarios by the status that their routes ended with."""
    statuses = [name for name in confusion.columns if name != "scenario"]
    counts = confusion.select(statuses).to_numpy()
    drawn, (axis,) = figure(1, 1, (2.5 + 1.3 * len(statuses), 1.6 + 0.3 * confusion.height))
    axis.imshow(counts, cmap="Blues", aspect="auto")
    axis.set_xticks(range(len(statuses)), statuses, rotation=25, ha="right", fontsize=7)
    axis.set_yticks(range(confusion.height), confusion["scenario"].to_list(), fontsize=7)
    for (row, column), value in _cells(counts):
        if value:
            axis.text(column, row, str(value), ha="center", va="center", fontsize=8)
    axis.set_title("scenario by end status", fontsize=9)
    return png(drawn)


def drivers_picture(scores: pl.DataFrame) -> bytes:
    """Driving scores of all drivers with their intervals, a panel per route set.

    Args:
        scores: ROUTE_SET_RESULTS of one scorer version.
    """
    sets = scores["route_set"].unique().sort().to_list()
    drawn, axes = figure(1, len(sets), (5.0 * len(sets), 1.2 + 0.42 * scores["agent"].n_unique()))
    for axis, name in zip(axes, sets, strict=True):
        rows = scores.filter(pl.col("route_set") == name).sort("driving_score")
        means = rows["driving_score"].to_numpy()
        spread = [means - rows["driving_score_low"].to_numpy(), rows["driving_score_high"].to_numpy() - means]
        axis.barh(rows["agent"].to_list(), means, xerr=spread, color="#4c78a8", ecolor="#555555", capsize=2)
        axis.set_xlim(0, 100)
        first = rows.row(0, named=True)
        axis.set_title(
            f"driving score on {name} ({first['n_routes']} routes, {first['backend']})", fontsize=9
        )
    return png(drawn)


def _cells(counts: Any) -> list[tuple[tuple[int, int], int]]:
    rows, columns = counts.shape
    return [((row, column), int(counts[row, column])) for row in range(rows) for column in range(columns)]
