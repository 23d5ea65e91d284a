"""How a set of clips moves by condition, and how uneven the conditions are."""

from collections import defaultdict
from typing import Any

import dagster as dg
import polars as pl

from resources.connections import Connections
from scalediff_assets.driving_clips.tables import read_clips, read_manifest
from scalediff_assets.video_schemas import DYNAMICS, ClipDynamics

_BUCKETS = ("still_pairs", "slow_pairs", "lively_pairs", "violent_pairs")


def clip_dynamics_tables(name: str, connections: Connections) -> ClipDynamics:
    """Measure every clip of a set."""
    from scoring.clips import analyze_temporal_dynamics

    groups: dict[str, list[Any]] = defaultdict(list)
    for clip, frames in read_clips(connections, name, read_manifest(connections, name)):
        groups[clip.category].append(frames)
    rows = []
    for condition, found in sorted(analyze_temporal_dynamics(groups).items()):
        measured = found.as_dict()
        histogram = measured.pop("histogram")
        rows.append(
            {"clip_set": name, "condition": condition, **measured}
            | dict(zip(_BUCKETS, histogram, strict=True))  # type: ignore[call-overload]
        )
    return ClipDynamics(conditions=DYNAMICS.frame(rows).sort("clip_set", "condition"))


def long_tail_picture(clips: pl.DataFrame, conditions: pl.DataFrame) -> dg.MarkdownMetadataValue:
    """Clips of each condition, most first, beside how much they move."""
    from scalediff_assets.charts import figure, png
    from scalediff_assets.pictures import markdown_picture

    counts = clips.group_by("category").len().sort("len", "category", descending=[True, False])
    moved = dict(conditions.select("condition", "mean_change").iter_rows())
    drawn, (left, right) = figure(1, 2, (7.5, 0.8 + 0.25 * counts.height))
    names = counts["category"].to_list()
    left.barh(names, counts["len"], color="#4c78a8")
    left.set_title("clips by condition", fontsize=8)
    right.barh(names, [moved[name] for name in names], color="#f58518")
    right.set_title("mean change of neighbouring pictures", fontsize=8)
    right.set_yticklabels([])
    for axis in (left, right):
        axis.invert_yaxis()
    return markdown_picture(png(drawn), "image/png", "the long tail of conditions")
