"""How well the structure signals tell an honest painter from one that hallucinates, and what a pair costs.

    python -m benchmarks.structure [--json] [--quick] [--seeds N]

Clips of 3 s at 5 Hz from drives in minitown are painted by honest painters (`honest_painters.py`), and, with
the same painters, from another world: an object appears or vanishes at one of three distances, the camera is
shifted, or the picture is 1.6 s late. Reported: the area under the ROC curve per frame (0.5 is chance, 1 is
separation), for an object also by its size in the picture; and what the packaged policy makes of whole clips:
the share of honest clips that it refuses, and of each kind of hallucination.

No picture of a real diffusion model is in here: the figures are of painters by rule.
"""

import argparse
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.honest_painters import SIDE_PX, Paint, Rgb, honest_painters
from benchmarks.measure import report
from scalediff_assets.quality_scores.picture import PAIR_COLUMNS, pair_flag
from scalediff_assets.quality_scores.policy import QualityPolicy, load_policy
from scoring.structure import structure_consistency
from world.actors import Actor, ActorKind
from world.camera.views import CameraPose
from world.recorder.drive import Drive, Moment, drive
from world.recorder.exact import CAMERA_HEIGHT_M
from world.recorder.spec import RecordingSpec

HZ, CLIP_FRAMES, CLIPS_PER_DRIVE = 5.0, 15, 3
DISTANCES_M = (8.0, 14.0, 22.0)
LATE_FRAMES = 8
_JPEG_QUALITY = 80
_PAINTERS_PER_LIE = 5
_VISIBLE_LEVELS = 12
_STANDING_SHARE = 0.05


@dataclass(frozen=True, kw_only=True)
class View:
    """What one frame's source shows, what the painter saw instead, and how many pixels that changes."""

    source: Rgb
    seen: Rgb

    @property
    def changed_px(self) -> int:
        """Pixels of 256x256 that differ visibly."""
        apart = np.abs(self.source.astype(np.int16) - self.seen).max(axis=2)
        return int((apart > _VISIBLE_LEVELS).sum())


def clips(driven: Drive, clip_frames: int) -> Iterator[tuple[str, list[View]]]:
    """Every clip of a drive, with each kind of lie; `honest` first."""
    camera = _Camera(driven)
    room = len(driven.ticks) - LATE_FRAMES - clip_frames
    for first in np.linspace(0, room, CLIPS_PER_DRIVE).astype(int).tolist():
        ticks = range(first, first + clip_frames)
        plain = [camera.shot(k) for k in ticks]
        yield "honest", [View(source=each, seen=each) for each in plain]
        for distance_m in DISTANCES_M:
            full = [camera.shot(k, obstacle_m=distance_m) for k in ticks]
            pairs = list(zip(plain, full, strict=True))
            yield f"appears at {distance_m:g} m", [View(source=a, seen=b) for a, b in pairs]
            yield f"vanishes at {distance_m:g} m", [View(source=b, seen=a) for a, b in pairs]
        shifted = [camera.shot(k, right_m=2.0, turn_rad=0.12) for k in ticks]
        late = [camera.shot(k + LATE_FRAMES) for k in ticks]
        yield "shifted", [View(source=a, seen=b) for a, b in zip(plain, shifted, strict=True)]
        yield "late by 1.6 s", [View(source=a, seen=b) for a, b in zip(plain, late, strict=True)]


class _Camera:
    """Draws moments of a drive at 256x256."""

    def __init__(self, driven: Drive) -> None:
        self._driven = driven
        self._renderer = driven.town.renderer(width_px=640, height_px=360)

    def shot(
        self, k: int, *, obstacle_m: float | None = None, right_m: float = 0.0, turn_rad: float = 0.0
    ) -> Rgb:
        """The picture at a tick; with an obstacle ahead, or from beside the true place."""
        ticks, moment = self._driven.ticks, self._driven.moments[k]
        pose = CameraPose(
            x_m=float(ticks.x_m[k]),
            y_m=float(ticks.y_m[k]),
            z_m=CAMERA_HEIGHT_M,
            yaw_rad=float(ticks.yaw_rad[k]),
        )
        if obstacle_m is not None:
            moment = _with_obstacle(pose, moment, obstacle_m, k)
        x_m, y_m = _beside(pose, 0.0, right_m)
        pose = replace(pose, x_m=x_m, y_m=y_m, yaw_rad=pose.yaw_rad + turn_rad)
        rgb = self._renderer.render(pose, moment.actors, moment.lights, t_s=float(ticks.t_ms[k]) / 1000)
        return np.asarray(cv2.resize(rgb, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def _with_obstacle(pose: CameraPose, moment: Moment, ahead_m: float, k: int) -> Moment:
    """A car of some colour, beside the lane's middle, turned somehow; the same for all frames of a clip."""
    rng = np.random.default_rng([k // (CLIP_FRAMES * 4), int(ahead_m)])
    x_m, y_m = _beside(pose, ahead_m, float(rng.choice((-3.0, 0.0, 3.0))))
    car = Actor(
        actor_id=2**31 - 1,
        kind=ActorKind.VEHICLE,
        type_id="vehicle.minitown.car",
        x_m=x_m,
        y_m=y_m,
        yaw_rad=pose.yaw_rad + float(rng.choice((0.0, math.pi, math.pi / 2))),
        rgb=(int(rng.integers(20, 236)), int(rng.integers(20, 236)), int(rng.integers(20, 236))),
    )
    return replace(moment, actors=(*moment.actors, car))


def _beside(pose: CameraPose, ahead_m: float, right_m: float) -> tuple[float, float]:
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return pose.x_m + cos * ahead_m - sin * right_m, pose.y_m + sin * ahead_m + cos * right_m


def measured(seeds: Sequence[int], clip_frames: int = CLIP_FRAMES) -> pl.DataFrame:
    """One row a pair: clip, kind, painter, changed pixels, the signals and their cost."""
    cv2.setNumThreads(1)
    painters = list(honest_painters())
    rng = np.random.default_rng(7)
    rows: list[dict[str, Any]] = []
    for seed in seeds:
        frames = clip_frames * CLIPS_PER_DRIVE * 4 + LATE_FRAMES
        spec = RecordingSpec(seed=1000 + seed, duration_s=frames / HZ, fps=HZ)
        driven = drive(spec, np.arange(frames) * 1000 / HZ)
        for number, (kind, views) in enumerate(clips(driven, clip_frames)):
            chosen = painters if kind == "honest" else _some(painters, rng)
            for name, paint in chosen:
                clip = f"{seed}/{number}/{name}"
                about = {"clip": clip, "drive": seed, "kind": kind, "painter": name}
                rows += [about | _row(view, paint, rng) for view in views]
    return pl.DataFrame(rows)


def _some(painters: list[tuple[str, Paint]], rng: np.random.Generator) -> list[tuple[str, Paint]]:
    return [painters[i] for i in rng.choice(len(painters), _PAINTERS_PER_LIE, replace=False)]


def _row(view: View, paint: Paint, rng: np.random.Generator) -> dict[str, Any]:
    source, painted = _as_stored(view.source), _as_stored(paint(view.seen, rng))
    began_s = time.process_time()
    found = structure_consistency(source, painted)
    return {
        "changed_px": view.changed_px,
        "pair_layout": found.layout,
        "pair_lost": found.lost,
        "pair_added": found.added,
        "ms": (time.process_time() - began_s) * 1000,
    }


def _as_stored(rgb: Rgb) -> NDArray[np.uint8]:
    """Luma after a JPEG, as the shards hold it."""
    _, jpeg = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE), np.uint8)


def area_under_curve(honest: pl.Series, lying: pl.Series) -> float:
    """The chance that a lying value is larger than an honest one; ties count half."""
    ordered, values = np.sort(honest.to_numpy()), lying.to_numpy()
    below = np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right")
    return float(below.mean() / 2 / len(ordered))


def figures(rows: pl.DataFrame, policy: QualityPolicy) -> dict[str, Any]:
    """Everything that is reported."""
    honest = rows.filter(pl.col("kind") == "honest")
    objects = rows.filter(pl.col("kind").str.contains(" at "))
    moved = rows.filter(
        pl.col("kind").is_in(["shifted", "late by 1.6 s"])
        & (pl.col("changed_px") > _STANDING_SHARE * SIDE_PX**2)
    )
    found: dict[str, Any] = {"pairs": rows.height, "ms_per_pair_p50": float(np.median(rows["ms"]))}
    found["auc_layout_moved"] = area_under_curve(-honest["pair_layout"], -moved["pair_layout"])
    for word, signal in (("vanishes", "pair_lost"), ("appears", "pair_added")):
        own = objects.filter(pl.col("kind").str.starts_with(word))
        for low, high in ((60, 250), (250, 1000), (1000, SIDE_PX**2)):
            sized = own.filter(pl.col("changed_px").is_between(low, high, closed="left"))
            if sized.height:
                found[f"auc_{signal}_{low}_to_{high}_px"] = area_under_curve(honest[signal], sized[signal])
    return found | _refusals(rows, policy)


def _refusals(rows: pl.DataFrame, policy: QualityPolicy) -> dict[str, float]:
    """The share of clips that the policy refuses: of honest ones, and of each lie that is visible."""
    rule = policy.rules.hallucination
    if rule is None:
        return {}
    # A lie of 3 s is held against what its painter does honestly in the rest of the same drive.
    usual = rows.filter(pl.col("kind") == "honest").group_by("drive", "painter")
    medians = usual.agg(pl.col(name).median().alias(f"{name}_session_p50") for name in PAIR_COLUMNS)
    seen = (
        rows.join(medians, on=["drive", "painter"])
        .with_columns(pair_flag(policy.pairs))
        .group_by("clip", "kind")
        .agg(pl.col("is_hallucinated").mean().alias("share"), pl.col("changed_px").median())
        .filter((pl.col("kind") == "honest") | (pl.col("changed_px") >= 250))
    )
    refused = seen.group_by("kind").agg((pl.col("share") > rule.share_max).mean()).sort("kind")
    return {f"refused_{kind.replace(' ', '_')}": share for kind, share in refused.iter_rows()}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--quick", action="store_true", help="one drive, clips of five frames")
    parser.add_argument("--seeds", type=int, default=8, help="drives")
    options = parser.parse_args()
    rows = measured([0], clip_frames=5) if options.quick else measured(range(options.seeds))
    report("structure consistency", figures(rows, load_policy()), as_json=options.json)


if __name__ == "__main__":
    main()
