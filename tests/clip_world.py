"""Clips of the project's own world: what real clips are in tests and benchmarks, and how to spoil them."""

import numpy as np

from scoring.clips import Clip
from world.camera import CameraPose
from world.recorder.drive import drive
from world.recorder.spec import RecordingSpec

FPS = 10
FRAMES = 8
# Of a car that stands still one picture follows the other unchanged: nothing tells it from a frozen clip.
MOVED_MIN_M = 0.5


def driven_clips(
    seed: int,
    *,
    seconds: float,
    stride: int = 4,
    height_px: int = 64,
    width_px: int = 64,
) -> list[Clip]:
    """Clips `(8, H, W, 3) uint8` at 10 fps, cut from one drive through the city, while it moves."""
    count = round(seconds * FPS)
    driven = drive(RecordingSpec(seed=seed, duration_s=seconds), np.arange(2 * count) * 500.0 / FPS)
    renderer = driven.town.renderer(width_px=width_px, height_px=height_px)
    ticks, pictures = driven.ticks, []
    for k in range(0, 2 * count, 2):
        pose = CameraPose(x_m=float(ticks.x_m[k]), y_m=float(ticks.y_m[k]), yaw_rad=float(ticks.yaw_rad[k]))
        moment = driven.moments[k]
        pictures.append(renderer.render(pose, moment.actors, moment.lights, t_s=float(ticks.t_ms[k]) / 1000))
    shown, speed_mps = np.stack(pictures), ticks.speed_mps[::2]
    starts = range(0, count - FRAMES + 1, stride)
    moved = [at for at in starts if speed_mps[at : at + FRAMES].sum() / FPS >= MOVED_MIN_M]
    return [shown[at : at + FRAMES] for at in moved]


def flickering(clip: Clip) -> Clip:
    """Every second frame at half its brightness."""
    spoilt = clip.copy()
    spoilt[1::2] //= 2
    return spoilt


def static(clip: Clip) -> Clip:
    """The first frame again and again."""
    return np.repeat(clip[:1], len(clip), axis=0)


def drifting(clip: Clip) -> Clip:
    """Red rises by a third of the full range over the clip."""
    rise = np.linspace(0, 85, len(clip))[:, None, None, None] * np.array([1.0, 0.0, 0.0])
    spoilt: Clip = (clip + rise).clip(0, 255).astype(np.uint8)
    return spoilt


def shuffled(clips: list[Clip], seed: int) -> list[Clip]:
    """Clips whose frames come from different clips."""
    rng = np.random.default_rng(seed)
    count, frames = len(clips), len(clips[0])
    return [np.stack([clips[int(rng.integers(count))][t] for t in range(frames)]) for _ in range(count)]
