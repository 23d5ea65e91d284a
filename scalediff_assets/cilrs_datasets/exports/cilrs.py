"""CILRS route folders, as `cilrs_train.py` of the reference implementation reads them.

    route_000_{segment_id}/rgb_front/0000.jpg
    route_000_{segment_id}/measurements.json

`measurements.json` is a list of {frame, x, y, theta, speed, command, steer, throttle, brake}: metres
and radians in CARLA's axes, metres per second, command 1 left, 2 right, 3 straight, 4 follow lane.
The trainer takes the next four list rows as waypoints, so one folder is one hole-free stretch at a
constant rate (`grid.py`) and no value is ever null. File names have four digits as the trainer
wants them, or five as its README says; never both. Not the layout of carla_garage's own data.
"""

import json
from pathlib import Path

import numpy as np
import polars as pl

from scalediff_assets.cilrs_datasets.exports.grid import routes_on_grid
from scalediff_assets.cilrs_datasets.exports.segment_source import Source, Written


def write_routes(source: Source, folder: Path, *, hz: int, digits: int) -> Written:
    """Write one route folder per hole-free stretch.

    Args:
        source: Segments with their frames.
        folder: Where the route folders go.
        hz: Rate of the rows.
        digits: Digits of the image names.
    """
    routes = frames = segments = 0
    worst_ms = 0.0
    for segment, rows in source:
        first_route = routes
        for route in routes_on_grid(rows, hz):
            _write_route(route, folder / f"route_{routes:03d}_{segment.segment_id}", digits)
            routes += 1
            frames += route.height
            worst_ms = max(worst_ms, float(np.abs(route["grid_error_ms"].to_numpy()).max()))
        segments += routes > first_route
    return Written(units=routes, segments=segments, frames=frames, max_grid_error_ms=worst_ms)


def _write_route(route: pl.DataFrame, folder: Path, digits: int) -> None:
    images = folder / "rgb_front"
    images.mkdir(parents=True)
    for frame, jpeg in enumerate(route["jpeg"]):
        (images / f"{frame:0{digits}d}.jpg").write_bytes(jpeg)
    measurements = route.select(
        pl.int_range(pl.len()).alias("frame"),
        x="x_m",
        y="y_m",
        theta="yaw_rad",
        speed="speed_mps",
        command="command",
        steer="steer",
        throttle="throttle",
        brake="brake",
    ).to_dicts()
    text = json.dumps(measurements, allow_nan=False, indent=0)
    (folder / "measurements.json").write_text(text, encoding="utf-8")
