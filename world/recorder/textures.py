"""Pictures that the painter samples: facades with windows, sky with skyline, the ground of a block.

Everything is drawn once per session from the seed. Facades come in two shades (walls along X and
along Y) and five sizes, each smaller one hazier, so that painting needs no arithmetic on pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from world.recorder.city import FACADES, MAX_HEIGHT_M, ROAD_HALF_M, SETBACK_M, City

Picture = npt.NDArray[np.uint8]

TEXEL_PER_M = 10
STRIP_M = 24.0
STRIP_PX = int(STRIP_M * TEXEL_PER_M)
LEVELS = 5
LEVEL_HAZE = (0.0, 0.08, 0.2, 0.4, 0.62)
SKY_PX = (2048, 256)  # panorama: full turn, from the zenith's side down to the horizon
GROUND_TEXEL_PER_M = (16, 8, 2)
GROUND_HAZE = (0.0, 0.1, 0.4)
_FACADE_HEIGHT_PX = int(MAX_HEIGHT_M * TEXEL_PER_M)
_STREET_YELLOW, _STREET_WHITE = (60, 170, 215), (205, 205, 205)


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """All facades and the sky in one picture, so that one `cv2.remap` paints them.

    Attributes:
        picture: `(H, W, 3)` uint8 BGR.
        level_top_px: Row at which each level of facades begins.
        sky_top_px: Row at which the sky panorama begins.
    """

    picture: Picture
    level_top_px: npt.NDArray[np.float32]
    sky_top_px: int


def haze_bgr(seed: int) -> npt.NDArray[np.float64]:
    """Return the colour that distance fades to."""
    return np.random.default_rng([seed, 2]).uniform((190, 180, 165), (235, 215, 205))


def make_atlas(seed: int, plain: bool) -> Atlas:
    """Draw facades and sky; `plain` leaves out the windows (the game's picture before painting)."""
    rng = np.random.default_rng([seed, 3])
    facades = [_facade(rng, plain) for _ in range(FACADES)]
    lit = np.concatenate(facades, axis=1)
    level = np.concatenate([lit, cv2.convertScaleAbs(lit, alpha=0.72)], axis=1)
    haze = haze_bgr(seed)
    rows, tops, top_px = [], [], 0
    for share in LEVEL_HAZE:
        canvas = np.zeros((level.shape[0], STRIP_PX * FACADES * 2, 3), np.uint8)
        canvas[:, : level.shape[1]] = _hazy(level, haze, share)
        rows.append(canvas)
        tops.append(top_px)
        top_px += level.shape[0]
        level = cv2.resize(level, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    sky = np.zeros((SKY_PX[1], STRIP_PX * FACADES * 2, 3), np.uint8)
    sky[:, : SKY_PX[0] + 64] = np.pad(_sky(rng, haze), ((0, 0), (0, 64), (0, 0)), mode="wrap")
    return Atlas(
        picture=np.concatenate([*rows, sky]), level_top_px=np.array(tops, np.float32), sky_top_px=top_px
    )


def make_ground(city: City, seed: int) -> tuple[Picture, ...]:
    """Draw the ground of one crossing's cell, seen from above, at three resolutions.

    The cell is `[0, pitch_x) x [0, pitch_y)` from the crossing's centre; rows are X, columns Y, and
    the picture wraps around at its edges.
    """
    rng = np.random.default_rng([seed, 4])
    scale = GROUND_TEXEL_PER_M[0]
    size = (round(city.pitch_x_m * scale), round(city.pitch_y_m * scale))
    asphalt = float(rng.uniform(62, 92))
    along_x = _from_centre(size[0], scale)
    along_y = _from_centre(size[1], scale)
    ground = np.full((*size, 3), rng.uniform(105, 150, 3), np.float32)
    _paint_sidewalks(ground, along_x, along_y, float(rng.uniform(140, 175)))
    ground[along_x < ROAD_HALF_M] = asphalt
    ground[:, along_y < ROAD_HALF_M] = asphalt
    _paint_lines(ground, along_x, along_y)
    grain = cv2.resize(rng.normal(0, 9, (size[0] // 4, size[1] // 4)), size[::-1]) + rng.normal(0, 5, size)
    full = np.clip(ground + grain[..., None], 0, 255).astype(np.uint8)
    haze = haze_bgr(seed)
    return tuple(
        _hazy(_scaled(full, s / scale), haze, share)
        for s, share in zip(GROUND_TEXEL_PER_M, GROUND_HAZE, strict=True)
    )


def _from_centre(size_px: int, scale: int) -> npt.NDArray[np.float64]:
    """Distance to the nearest crossing's centre line along one axis, metres, `(size,)`."""
    at = (np.arange(size_px) + 0.5) / scale
    return np.minimum(at, size_px / scale - at)


def _paint_sidewalks(
    ground: npt.NDArray[np.float32],
    along_x: npt.NDArray[np.float64],
    along_y: npt.NDArray[np.float64],
    gray: float,
) -> None:
    """Paint pavements with joints every 2 m between the road and the buildings."""
    for axis, along in ((0, along_x), (1, along_y)):
        view = ground if axis == 0 else ground.swapaxes(0, 1)
        view[along < SETBACK_M] = gray
    for axis, along in ((0, along_x), (1, along_y)):
        view = ground if axis == 0 else ground.swapaxes(0, 1)
        view[(along % 2.0) < 0.1] *= 0.8
        view[np.abs(along - ROAD_HALF_M) < 0.2] = gray + 35


def _paint_lines(
    ground: npt.NDArray[np.float32], along_x: npt.NDArray[np.float64], along_y: npt.NDArray[np.float64]
) -> None:
    """Paint centre lines, edge lines and zebra crossings; crossings themselves stay free."""
    for axis, along, across in ((0, along_x, along_y), (1, along_y, along_x)):
        view = ground if axis == 0 else ground.swapaxes(0, 1)  # (along, across, 3)
        outside = along > ROAD_HALF_M + 1
        dashed = outside & ((along % 6.0) < 3.0)
        zebra = (along > ROAD_HALF_M + 1) & (along < ROAD_HALF_M + 4)
        lane = across < ROAD_HALF_M
        stripes = lane & ((across % 1.2) < 0.6)
        view[np.ix_(dashed, across < 0.18)] = _STREET_YELLOW
        view[np.ix_(outside, np.abs(across - 6.6) < 0.1)] = _STREET_WHITE
        view[np.ix_(zebra, stripes)] = _STREET_WHITE


def _scaled(picture: Picture, factor: float) -> Picture:
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _hazy(picture: Picture, haze: npt.NDArray[np.float64], share: float) -> Picture:
    """Mix a picture with the haze colour."""
    mixed = picture.astype(np.float32) * (1 - share) + np.float32(share) * haze.astype(np.float32)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _facade(rng: np.random.Generator, plain: bool) -> Picture:
    """Draw one facade strip: floors, bays, windows lit and dark, a shop front at street level."""
    wall = rng.uniform((50, 55, 70), (170, 185, 205))
    strip = np.empty((_FACADE_HEIGHT_PX, STRIP_PX, 3), np.float32)
    strip[:] = wall
    if plain:
        return strip.astype(np.uint8)
    strip += rng.normal(0, 6, strip.shape[:2])[..., None]
    floor_px = int(rng.integers(30, 42))
    bay_px = STRIP_PX // int(rng.integers(6, 11))
    pane = (int(bay_px * rng.uniform(0.45, 0.7)), int(floor_px * rng.uniform(0.45, 0.65)))
    glass = rng.uniform((40, 30, 20), (110, 85, 65))
    for top in range(_FACADE_HEIGHT_PX - floor_px, 0, -floor_px):
        strip[top : top + 2] *= 0.8
        for left in range(bay_px // 5, STRIP_PX - pane[0], bay_px):
            colour = glass * rng.uniform(0.6, 1.25) if rng.random() < 0.86 else np.array((120, 190, 225))
            strip[top + 6 : top + 6 + pane[1], left : left + pane[0]] = colour
            strip[top + 5, left : left + pane[0]] = wall * 1.25
    strip[-32:-6] = strip[-32:-6] * 0.35 + rng.uniform(20, 110, 3) * 0.65
    strip[-40:-32] = rng.uniform(40, 230, 3)
    return np.clip(strip, 0, 255).astype(np.uint8)


def _sky(rng: np.random.Generator, haze: npt.NDArray[np.float64]) -> Picture:
    """Draw the panorama: gradient, clouds, towers far away."""
    width, height = SKY_PX
    zenith = rng.uniform((170, 105, 60), (235, 165, 110))
    share = np.linspace(0, 1, height)[:, None, None] ** 1.5
    sky = (zenith * (1 - share) + haze * share) * np.ones((1, width, 1))
    clouds = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 14, sigmaY=5)
    sky += np.clip(clouds / clouds.std(), 0, 2)[..., None] * 16
    for left in range(0, width, 24):
        top = height - int(rng.gamma(2.0, 7.0)) - 4
        tower = haze * rng.uniform(0.62, 0.85)
        sky[max(top, 0) :, left : left + int(rng.integers(12, 26))] = tower
    return np.clip(sky, 0, 255).astype(np.uint8)
