"""Small things that stand on the ground, as painted boxes: road users, lights, signs.

Each is a few upright boxes; their two sides that face the camera and the top are filled. What a
nearer wall hides is put back column by column from the walls' depth.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from world.actors import Actor, ActorKind
from world.camera.lens import NEAR_M, Lens, camera_frame
from world.camera.views import CameraPose, LightView
from world.camera.walls import Fog, cut, to_pixels

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Rgb = tuple[int, int, int]
_Face = tuple[npt.NDArray[np.int32], Sequence[int]]  # a quad in pixels and its colour

_FARTHEST_M = 220.0
_GLASS, _TYRE, _SKIN, _CLOTH = (38, 46, 56), (24, 24, 26), (214, 168, 138), (52, 54, 66)
_TAIL, _BRAKE, _HEAD = (120, 16, 16), (255, 40, 32), (250, 246, 222)
_ORANGE, _WHITE, _VEST = (240, 110, 24), (240, 240, 236), (214, 240, 40)
_POLE, _CASE, _OFF = (70, 72, 74), (22, 22, 24), (48, 44, 40)
_LAMPS: dict[str, Rgb] = {"red": (255, 36, 24), "yellow": (255, 204, 40), "green": (40, 255, 96)}
_BLINK_HZ = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """An upright box: centre, heading, half sizes, bottom and top."""

    x_m: float
    y_m: float
    yaw_rad: float
    half_length_m: float
    half_width_m: float
    low_m: float
    high_m: float
    rgb: Rgb


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """Solids that belong together, drawn back to front, and how far away they are."""

    solids: tuple[Solid, ...]
    away_m: float
    shadow: Solid | None = None


class SolidPainter:
    """Paints things into one picture; the geometry of all of them is one array computation."""

    def __init__(self, picture: Picture, lens: Lens, pose: CameraPose, fog: Fog, depth: Floats) -> None:
        self._picture, self._lens, self._pose, self._fog, self._depth = picture, lens, pose, fog, depth
        self._cos, self._sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
        self._horizon = lens.horizon_px(pose)

    def paint(self, things: Sequence[Thing]) -> None:
        """Paint things, far to near."""
        if not things:
            return
        things = sorted(things, key=lambda thing: -thing.away_m)
        boxes = _Boxes(self._lens, self._pose, [solid for thing in things for solid in thing.solids])
        sides, tops = boxes.sides(self._fog), boxes.tops(self._fog)
        counts = [len(thing.solids) for thing in things]
        firsts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        left_px, right_px = boxes.columns(firsts)
        end = 0
        for number, thing in enumerate(things):
            first, end = end, end + counts[number]
            spans = self._hidden(thing, int(left_px[number]), int(right_px[number]))
            if spans is None:
                continue
            saved = [self._picture[:, a:b].copy() for a, b in spans]
            if thing.shadow is not None:
                self._fill_flat(thing.shadow)
            for box in range(first, end):
                for quad, rgb in (*sides[box], *tops[box]):
                    cv2.fillConvexPoly(self._picture, quad, rgb)
            for (a, b), columns in zip(spans, saved, strict=True):
                self._picture[:, a:b] = columns

    def is_in_view(self, x_m: float, y_m: float, size_m: float) -> bool:
        """Whether something of a size at a place may be seen."""
        f, r = self._frame(x_m, y_m)
        half = 0.5 * self._lens.width_px / self._lens.focal_px
        return -size_m < f < _FARTHEST_M and abs(r) - 2.0 * size_m < half * max(f, 0.0)

    def _frame(self, x_m: float, y_m: float) -> tuple[float, float]:
        dx, dy = x_m - self._pose.x_m, y_m - self._pose.y_m
        return dx * self._cos + dy * self._sin, dy * self._cos - dx * self._sin

    def _hidden(self, thing: Thing, first: int, last: int) -> list[tuple[int, int]] | None:
        """The columns within a thing's own in which a wall is nearer; None where that is all of them."""
        bin_px = self._lens.width_px / len(self._depth)
        low, high = max(0, int(first / bin_px)), min(len(self._depth), math.ceil(last / bin_px))
        hidden = np.flatnonzero(self._depth[low:high] < thing.away_m) + low
        if len(hidden) == max(0, high - low):
            return None
        spans = [(int(k * bin_px), int((k + 1) * bin_px)) for k in hidden.tolist()]
        return [(max(a, first), min(b, last)) for a, b in spans if b > first and a < last]

    def _fill_flat(self, solid: Solid) -> None:
        """A shadow: the ground darkened under a thing."""
        boxes = _Boxes(self._lens, self._pose, [solid])
        if boxes.forward.min() < NEAR_M:
            return
        rgb = self._fog.mix((34.0, 34.0, 37.0), max(float(boxes.forward[0, 0]), 0.0))
        cv2.fillConvexPoly(self._picture, to_pixels(boxes.at_height(np.zeros(1)))[0], rgb)


class _Boxes:
    """Upright boxes in the camera's frame; corners clockwise seen from above."""

    def __init__(self, lens: Lens, pose: CameraPose, solids: Sequence[Solid]) -> None:
        self._lens, self._pose, self._solids = lens, pose, solids
        table = np.array(
            [
                (s.x_m, s.y_m, s.yaw_rad, s.half_length_m, s.half_width_m, s.low_m, s.high_m, *s.rgb)
                for s in solids
            ]
        )
        x_m, y_m, yaw_rad, half_l, half_w, self.low_m, self.high_m = table[:, :7].T
        self._rgb = table[:, 7:]
        f, r = camera_frame(pose, x_m, y_m)
        turn = yaw_rad - pose.yaw_rad
        cos, sin = np.cos(turn), np.sin(turn)
        along, across = np.array([1.0, 1.0, -1.0, -1.0]), np.array([-1.0, 1.0, 1.0, -1.0])
        ahead, aside = half_l[:, None] * along, half_w[:, None] * across  # (N, 4)
        self.forward = f[:, None] + ahead * cos[:, None] - aside * sin[:, None]
        self.right = r[:, None] + ahead * sin[:, None] + aside * cos[:, None]

    def columns(self, firsts: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Columns [left, right) of each group of boxes; groups begin at `firsts`."""
        lens = self._lens
        column = lens.columns(np.maximum(self.forward, NEAR_M), self.right)
        left = np.minimum.reduceat(column.min(axis=1), firsts)
        right = np.maximum.reduceat(column.max(axis=1), firsts)
        return (
            np.clip(np.floor(left), 0, lens.width_px),
            np.clip(np.ceil(right) + 1, 0, lens.width_px),
        )

    def at_height(self, z_m: Floats) -> Floats:
        """Corners at a height per box, `(N, 4, 2)` in pixels."""
        return self._points(self.forward, self.right, z_m[:, None])

    def sides(self, fog: Fog) -> list[list[_Face]]:
        """Per box, the sides that face the camera."""
        af, ar = self.forward, self.right
        bf, br = np.roll(af, -1, axis=1), np.roll(ar, -1, axis=1)
        seen = ((br - ar) * af - (bf - af) * ar < 0.0) & (np.maximum(af, bf) >= NEAR_M)
        af, ar, bf, br = cut(af, ar, bf, br)
        high, low = self.high_m[:, None], self.low_m[:, None]
        corners = [(af, ar, high), (bf, br, high), (bf, br, low), (af, ar, low)]
        quads = to_pixels(np.stack([self._points(*corner) for corner in corners], axis=2))
        # Light from ahead-left of the city's grid: sides differ, so that edges are seen.
        shade = np.array([1.0, 0.84, 1.0, 0.84])[None, :, None]
        rgbs = fog.mix_all(np.minimum(255.0, shade * self._rgb[:, None]), np.maximum(0.5 * (af + bf), 0.0))
        return self._faces(quads, self._glow(rgbs), seen)

    def tops(self, fog: Fog) -> list[list[_Face]]:
        """Per box, its top where the camera looks down on it."""
        seen = (self.high_m < self._pose.z_m) & (self.forward.max(axis=1) >= NEAR_M)
        rgbs = fog.mix_all(np.minimum(255.0, 1.12 * self._rgb), np.maximum(self.forward[:, 0], 0.0))
        quads = to_pixels(self.at_height(self.high_m))
        return self._faces(quads[:, None], self._glow(rgbs[:, None]), seen[:, None])

    def _points(self, f: Floats, r: Floats, z_m: Floats) -> Floats:
        scale = self._lens.focal_px / np.maximum(f, NEAR_M)
        column = 0.5 * self._lens.width_px + scale * r
        row = self._lens.horizon_px(self._pose) + scale * (self._pose.z_m - z_m)
        return np.stack([column, row], axis=-1)

    def _glow(self, rgbs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Lamps keep their colour in any light and fog."""
        for number, solid in enumerate(self._solids):
            if solid.rgb in _GLOWING:
                rgbs[number] = solid.rgb
        return rgbs

    @staticmethod
    def _faces(
        quads: npt.NDArray[np.int32], rgbs: npt.NDArray[np.int64], seen: npt.NDArray[np.bool_]
    ) -> list[list[_Face]]:
        colours = rgbs.tolist()
        faces: list[list[_Face]] = [[] for _ in colours]
        for box, side in np.argwhere(seen).tolist():
            faces[box].append((quads[box, side], colours[box][side]))
        return faces


_GLOWING = frozenset([*_LAMPS.values(), _BRAKE, _HEAD])


def actor_thing(actor: Actor, pose: CameraPose, t_s: float) -> Thing:
    """What an actor looks like."""
    if actor.kind is ActorKind.VEHICLE:
        solids = _vehicle(actor, pose, t_s)
    elif actor.kind is ActorKind.BICYCLE:
        solids = _bicycle(actor)
    elif actor.kind is ActorKind.OBSTACLE:
        solids = _obstacle(actor)
    else:
        solids = _person(actor, t_s)
    shadow = _box(actor, 0, 0, actor.length_m / 2 + 0.15, actor.width_m / 2 + 0.15, 0, 0, (0, 0, 0))
    away = math.hypot(actor.x_m - pose.x_m, actor.y_m - pose.y_m)
    return Thing(solids=tuple(solids), away_m=away, shadow=shadow)


def _box(
    actor: Actor, ahead: float, right: float, half_l: float, half_w: float, low: float, high: float, rgb: Rgb
) -> Solid:
    """A box in an actor's own frame."""
    cos, sin = math.cos(actor.yaw_rad), math.sin(actor.yaw_rad)
    return Solid(
        x_m=actor.x_m + ahead * cos - right * sin,
        y_m=actor.y_m + ahead * sin + right * cos,
        yaw_rad=actor.yaw_rad,
        half_length_m=half_l,
        half_width_m=half_w,
        low_m=low,
        high_m=high,
        rgb=rgb,
    )


def _vehicle(actor: Actor, pose: CameraPose, t_s: float) -> list[Solid]:
    """Wheels, body, cabin, and the lamps at the end that faces the camera."""
    half_l, half_w, high = actor.length_m / 2, actor.width_m / 2, actor.height_m
    tall = high > 2.0
    waist = 0.45 * high if tall else 0.6 * high
    solids = [_box(actor, a * 0.62 * half_l, 0, 0.34, half_w + 0.01, 0.0, 0.62, _TYRE) for a in (-1.0, 1.0)]
    solids.append(_box(actor, 0, 0, half_l, half_w, 0.28, high if tall else waist, actor.rgb))
    if tall:
        solids.append(_box(actor, 0.72 * half_l, 0, 0.29 * half_l, half_w + 0.01, waist, 0.82 * high, _GLASS))
    else:
        solids.append(
            _box(actor, -0.08 * half_l, 0, 0.56 * half_l, 0.86 * half_w, waist, 0.94 * high, _GLASS)
        )
        solids.append(
            _box(actor, -0.08 * half_l, 0, 0.5 * half_l, 0.84 * half_w, 0.93 * high, high, actor.rgb)
        )
    to_x, to_y = pose.x_m - actor.x_m, pose.y_m - actor.y_m
    front = to_x * math.cos(actor.yaw_rad) + to_y * math.sin(actor.yaw_rad) > 0.0
    end = half_l if front else -half_l
    lamp = _HEAD if front else (_BRAKE if actor.braking else _TAIL)
    blinks = actor.blinker != 0 and int(t_s * 2 * _BLINK_HZ) % 2 == 0
    for side in (-1, 1):
        rgb = _LAMPS["yellow"] if blinks and side == actor.blinker else lamp
        solids.append(_box(actor, end, side * 0.72 * half_w, 0.03, 0.2 * half_w, 0.55, 0.8, rgb))
    return solids


def _person(actor: Actor, t_s: float) -> list[Solid]:
    """Legs that step, body, head; workers have a vest and a flashing beacon."""
    high = actor.height_m
    worker = actor.kind is ActorKind.EMERGENCY_WORKER
    stride = 0.16 * math.sin(t_s * 7.0 + actor.actor_id) if actor.speed_mps > 0.1 else 0.0
    legs = [
        _box(actor, side * stride, side * 0.1, 0.09, 0.08, 0.0, 0.48 * high, _CLOTH) for side in (-1.0, 1.0)
    ]
    body = _box(actor, 0, 0, 0.13, 0.23, 0.46 * high, 0.84 * high, _VEST if worker else actor.rgb)
    head = _box(actor, 0, 0, 0.1, 0.1, 0.86 * high, high, _SKIN)
    solids = [*legs, body, head]
    if worker:
        lit = int(t_s * 4) % 2 == 0
        solids.append(_box(actor, 0, 0, 0.14, 0.24, 0.6 * high, 0.66 * high, _WHITE))
        solids.append(_box(actor, 0, 0, 0.09, 0.09, high, 1.06 * high, _LAMPS["yellow"] if lit else _ORANGE))
    return solids


def _bicycle(actor: Actor) -> list[Solid]:
    half = actor.length_m / 2
    return [
        _box(actor, -0.62 * half, 0, 0.3, 0.03, 0.0, 0.62, _TYRE),
        _box(actor, 0.62 * half, 0, 0.3, 0.03, 0.0, 0.62, _TYRE),
        _box(actor, 0, 0, 0.5 * half, 0.04, 0.5, 0.62, actor.rgb),
        _box(actor, 0.0, 0, 0.12, 0.12, 0.55, 0.95, _CLOTH),
        _box(actor, 0.08, 0, 0.14, 0.22, 0.95, 1.45, actor.rgb),
        _box(actor, 0.12, 0, 0.1, 0.1, 1.48, 1.7, _SKIN),
    ]


def _obstacle(actor: Actor) -> list[Solid]:
    """Orange and white bands, at least as high as they are in the data."""
    high, half_l, half_w = actor.height_m, actor.length_m / 2, actor.width_m / 2
    rgbs = (actor.rgb, _WHITE, _ORANGE)
    return [_box(actor, 0, 0, half_l, half_w, high * k / 3, high * (k + 1) / 3, rgbs[k]) for k in range(3)]


def light_things(light: LightView, pose: CameraPose) -> list[Thing]:
    """A traffic light beside its stop line and its repeater beyond the crossing, for who drives up to it."""
    if math.cos(light.yaw_rad - pose.yaw_rad) < 0.2:
        return []
    cos, sin = math.cos(light.yaw_rad), math.sin(light.yaw_rad)
    things = []
    for ahead, right, low, size in ((0.5, 4.2, 2.5, 0.85), (22.0, 1.0, 4.6, 1.25)):
        x_m, y_m = light.x_m + ahead * cos - right * sin, light.y_m + ahead * sin + right * cos
        solids = [_post(x_m, y_m, light.yaw_rad, 0.06, 0.06, 0.0 if ahead < 1 else low, low, _POLE)]
        solids.append(_post(x_m, y_m, light.yaw_rad, 0.1, 0.26 * size, low, low + 1.35 * size, _CASE))
        for number, state in enumerate(("green", "yellow", "red")):
            lit = state == light.state
            rgb = _LAMPS[state] if lit else _OFF
            bottom = low + (0.1 + 0.42 * number) * size
            front_x, front_y = x_m - 0.12 * cos, y_m - 0.12 * sin
            half = (0.2 if lit else 0.15) * size
            solids.append(_post(front_x, front_y, light.yaw_rad, 0.02, half, bottom, bottom + 2 * half, rgb))
        away = math.hypot(x_m - pose.x_m, y_m - pose.y_m)
        things.append(Thing(solids=tuple(solids), away_m=away))
    return things


def stop_sign_thing(x_m: float, y_m: float, yaw_rad: float, pose: CameraPose) -> Thing:
    """A stop sign on its pole, at the right of a lane's end."""
    cos, sin = math.cos(yaw_rad), math.sin(yaw_rad)
    solids = (
        _post(x_m, y_m, yaw_rad, 0.04, 0.04, 0.0, 2.0, _POLE),
        _post(x_m, y_m, yaw_rad, 0.02, 0.34, 2.0, 2.9, (200, 24, 28)),
        _post(x_m, y_m, yaw_rad, 0.03, 0.42, 2.15, 2.75, (200, 24, 28)),
        _post(x_m - 0.05 * cos, y_m - 0.05 * sin, yaw_rad, 0.02, 0.3, 2.36, 2.54, _WHITE),
    )  # fmt: skip
    return Thing(solids=solids, away_m=math.hypot(x_m - pose.x_m, y_m - pose.y_m))


def _post(
    x_m: float, y_m: float, yaw_rad: float, half_l: float, half_w: float, low: float, high: float, rgb: Rgb
) -> Solid:
    return Solid(
        x_m=x_m, y_m=y_m, yaw_rad=yaw_rad, half_length_m=half_l, half_width_m=half_w, low_m=low, high_m=high,
        rgb=rgb,
    )  # fmt: skip


__all__ = ["SolidPainter", "Thing", "actor_thing", "light_things", "stop_sign_thing"]
