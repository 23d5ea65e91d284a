"""Painters that keep the street where it is and change the rest: the hallucination check lets them pass.

The eleven looks of the `stylize` backend, and harsher ones that no rule of ours paints: lamps and grain at
night, streaks of rain, fog to the horizon, snow on the ground, blur, texture over everything, windows on
every wall, and a hand that does not keep lines to the pixel. Pictures are `(256, 256, 3) uint8` RGB.
"""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from gpu_services.streaming.stylize.brushes import Canvas
from gpu_services.streaming.stylize.looks import LOOKS, Look

SIDE_PX = 256
Rgb = NDArray[np.uint8]
Floats = NDArray[np.float32]
Paint = Callable[[Rgb, np.random.Generator], Rgb]
_SKYLINE_PX = 125


def honest_painters() -> Iterator[tuple[str, Paint]]:
    """Name and painter; each call of a painter may draw other lamps, drops and patterns."""
    canvas = Canvas(SIDE_PX, SIDE_PX)
    for name, make in LOOKS.items():
        yield f"look {name}", _of_look(make(canvas))
    yield from _HARSH.items()


def _of_look(look: Look) -> Paint:
    return lambda rgb, rng: look(rgb, int(rng.integers(1000)))


def _night(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    dark = 255 * (rgb / 255.0) ** 1.6 * (0.32, 0.36, 0.5) + 6
    lamps = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for _ in range(3):
        place = (int(rng.integers(SIDE_PX)), int(rng.integers(60, 130)))
        cv2.circle(lamps, place, int(rng.integers(3, 7)), 1.0, -1)
    glow = cv2.GaussianBlur(lamps, (0, 0), 8)[..., None] * (120, 110, 70)
    return _rgb(dark + glow + rng.normal(0, 3, rgb.shape))


def _rain(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    wet = cv2.GaussianBlur(rgb.astype(np.float32) * 0.7 + 40, (0, 0), 1.0)
    stroke = np.zeros((15, 15), np.float32)
    cv2.line(stroke, (9, 0), (5, 14), 1.0, 1)
    drops = (rng.random((SIDE_PX, SIDE_PX)) > 0.995).astype(np.float32)
    return _rgb(wet + cv2.filter2D(drops, -1, stroke)[..., None] * 45)


def _fog(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    rows = np.abs(np.arange(SIDE_PX) - 135) / 110
    density = (np.clip(1 - rows, 0, 1) ** 1.5 * rng.uniform(0.5, 0.75))[:, None, None]
    return _rgb(rgb * (1 - density) + 200 * density)


def _snow(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    cover = (np.clip((np.arange(SIDE_PX) - 140) / 60, 0, 1) * 0.65)[:, None, None]
    flakes = cv2.GaussianBlur((rng.random((SIDE_PX, SIDE_PX)) > 0.99).astype(np.float32), (0, 0), 0.9)
    return _rgb(rgb * (1 - cover) + 235 * cover + flakes[..., None] * 300)


def _blur(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    return _rgb(cv2.GaussianBlur(rgb, (0, 0), float(rng.uniform(1.0, 2.2))))


def _texture(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    ground = np.clip((np.arange(SIDE_PX) - 40) / 60, 0.15, 1)[:, None]
    return _rgb(rgb + (_noise(rng, (3, 6, 12), 16.0) * ground)[..., None])


def _windows(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    step = int(rng.integers(9, 16))
    down, right = np.mgrid[:SIDE_PX, :SIDE_PX]
    panes = (down % step < step * 0.55) & (right % step < step * 0.5) & (down < _SKYLINE_PX) & (down > 30)
    dark = cv2.GaussianBlur(panes.astype(np.float32), (0, 0), 0.8) * rng.uniform(18, 35)
    return _rgb(rgb - dark[..., None] + _noise(rng, (4, 8), 5.0)[..., None])


def _loose_hand(rgb: Rgb, rng: np.random.Generator) -> Rgb:
    down, right = np.mgrid[:SIDE_PX, :SIDE_PX].astype(np.float32)
    moved = (right + _noise(rng, (24,), 1.3), down + _noise(rng, (24,), 1.3))
    return _rgb(cv2.remap(rgb, *moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def _noise(rng: np.random.Generator, scales_px: tuple[int, ...], levels: float) -> Floats:
    """Smooth noise of several sizes, standard deviation about `levels`."""
    total = np.zeros((SIDE_PX, SIDE_PX), np.float32)
    for scale in scales_px:
        coarse = rng.standard_normal((SIDE_PX // scale + 1,) * 2).astype(np.float32)
        total += cv2.resize(coarse, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_CUBIC)
    return np.asarray(total / len(scales_px) ** 0.5 * levels, np.float32)


def _rgb(values: NDArray[np.generic]) -> Rgb:
    return np.asarray(values).clip(0, 255).astype(np.uint8)


_HARSH: dict[str, Paint] = {
    "night with lamps": _night,
    "streaks of rain": _rain,
    "thick fog": _fog,
    "snow on the ground": _snow,
    "blur": _blur,
    "texture": _texture,
    "windows": _windows,
    "loose hand": _loose_hand,
}
