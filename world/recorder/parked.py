"""Cars parked along the kerbs: where they stand and how they look.

They move nothing and are hit by nobody; they give the picture near things that pass quickly.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from world.recorder.city import ROAD_HALF_M, City

_KERB_M = 0.95
_RANGE_M = 42.0
_SPACING_M = 7.5
_CLEAR_M = 14.0  # no parking this close to a crossing's centre
_NEAR_M = 0.3
# Boxes of a car: half length, half width, bottom, top, share of the paint's brightness.
_BOXES = ((2.2, 0.9, 0.0, 0.32, 0.15), (2.2, 0.9, 0.32, 0.88, 1.0), (1.2, 0.78, 0.88, 1.4, 0.35))
_SHADE = {"end": 0.7, "side": 0.85, "top": 1.1}


@dataclass(frozen=True, kw_only=True)
class ParkedCar:
    """A parked car: centre (m), direction of its length, paint (BGR)."""

    x_m: float
    y_m: float
    along_x: bool
    paint: tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Lens:
    """The camera's projection: pose of the ground plane, focal length and picture centre."""

    x_m: float
    y_m: float
    cos: float
    sin: float
    height_m: float
    focal_px: float
    centre_px: tuple[float, float]

    def to_camera(self, x_m: float, y_m: float) -> tuple[float, float]:
        """Return depth and sideways distance (right positive) of a point, metres."""
        dx, dy = x_m - self.x_m, y_m - self.y_m
        return dx * self.cos + dy * self.sin, dy * self.cos - dx * self.sin


def parked_cars(city: City, seed: int, lens: Lens) -> list[ParkedCar]:
    """List the parked cars in front of the camera, farthest first."""
    cars = [*_kerb_cars(city, seed, lens, along_x=True), *_kerb_cars(city, seed, lens, along_x=False)]
    ahead = [(lens.to_camera(car.x_m, car.y_m)[0], car) for car in cars]
    return [car for depth, car in sorted(ahead, key=lambda pair: -pair[0]) if -2 < depth < _RANGE_M]


def _kerb_cars(city: City, seed: int, lens: Lens, *, along_x: bool) -> Iterator[ParkedCar]:
    """Cars on the road nearest to the camera that runs along one axis; none if it is far."""
    at_x, at_y = lens.x_m - city.origin_x_m, lens.y_m
    along, across = (at_x, at_y) if along_x else (at_y, at_x)
    pitch, cross_pitch = (city.pitch_y_m, city.pitch_x_m) if along_x else (city.pitch_x_m, city.pitch_y_m)
    road = round(across / pitch)
    if abs(across - road * pitch) > _RANGE_M:
        return
    first = math.ceil((along - _RANGE_M) / _SPACING_M)
    for slot in range(first, first + int(2 * _RANGE_M / _SPACING_M)):
        for side in (-1, 1):
            word = (slot * 2654435761 ^ road * 40503 ^ side * 97 ^ seed * 7919) & 0xFFFFFF
            word = (word * 1103515245 + 12345) >> 7 & 0xFFFF
            at = slot * _SPACING_M + (word & 7) * 0.2
            to_crossing = abs((at + cross_pitch / 2) % cross_pitch - cross_pitch / 2)
            if word % 5 < 2 or to_crossing < _CLEAR_M:
                continue
            off = road * pitch + side * (ROAD_HALF_M - _KERB_M)
            x_m, y_m = (at, off) if along_x else (off, at)
            tone = 40 + (word >> 3) % 190
            paint = (tone, tone * (0.4 + (word >> 5) % 7 / 10), tone * (0.4 + (word >> 8) % 7 / 10))
            yield ParkedCar(x_m=x_m + city.origin_x_m, y_m=y_m, along_x=along_x, paint=paint)


def draw_car(bgr: npt.NDArray[np.uint8], lens: Lens, car: ParkedCar) -> None:
    """Fill the visible faces of a car's boxes."""
    for half_length, half_width, bottom, top, brightness in _BOXES:
        half_x, half_y = (half_length, half_width) if car.along_x else (half_width, half_length)
        colour = tuple(value * brightness for value in car.paint)
        for name, corners in _visible_faces(lens, car, (half_x, half_y), (bottom, top)):
            polygon = _project(lens, corners)
            if len(polygon) >= 3:
                shade = tuple(min(255.0, value * _SHADE[name] + 8) for value in colour)
                cv2.fillConvexPoly(bgr, np.array(polygon, np.int32), shade, cv2.LINE_AA, 4)


def _visible_faces(
    lens: Lens, car: ParkedCar, half_m: tuple[float, float], span_m: tuple[float, float]
) -> Iterator[tuple[str, list[tuple[float, float, float]]]]:
    """Yield each face turned to the camera as corners (x, y, height); the roof comes first."""
    low, high = span_m
    x0, x1, y0, y1 = car.x_m - half_m[0], car.x_m + half_m[0], car.y_m - half_m[1], car.y_m + half_m[1]
    if lens.height_m > high:
        yield "top", [(x0, y0, high), (x1, y0, high), (x1, y1, high), (x0, y1, high)]
    if not x0 < lens.x_m < x1:
        x = x0 if lens.x_m <= x0 else x1
        name = "end" if car.along_x else "side"
        yield name, [(x, y0, low), (x, y1, low), (x, y1, high), (x, y0, high)]
    if not y0 < lens.y_m < y1:
        y = y0 if lens.y_m <= y0 else y1
        name = "side" if car.along_x else "end"
        yield name, [(x0, y, low), (x1, y, low), (x1, y, high), (x0, y, high)]


def _project(lens: Lens, corners: list[tuple[float, float, float]]) -> list[tuple[int, int]]:
    """Clip a face at the near plane and project it to sixteenths of a pixel."""
    seen = [(*lens.to_camera(x, y), z) for x, y, z in corners]
    kept: list[tuple[float, float, float]] = []
    for a, b in zip(seen, seen[1:] + seen[:1], strict=True):
        if a[0] >= _NEAR_M:
            kept.append(a)
        if (a[0] >= _NEAR_M) != (b[0] >= _NEAR_M):
            share = (_NEAR_M - a[0]) / (b[0] - a[0])
            kept.append((_NEAR_M, a[1] + share * (b[1] - a[1]), a[2] + share * (b[2] - a[2])))
    scale = lens.focal_px * 16
    return [
        (
            round(lens.centre_px[0] * 16 + side / depth * scale),
            round(lens.centre_px[1] * 16 + (lens.height_m - z) / depth * scale),
        )
        for depth, side, z in kept
    ]
