"""The ground: asphalt, pavements, lane marks, crosswalks, stop lines, sampled from drawn tiles.

Two square tiles around the camera, fine and coarse, are drawn once per place (a few ms every 50 m)
and warped into the picture at every frame. Fog goes by the row, because the ground is flat.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from world.camera.lens import Lens
from world.camera.views import CameraPose
from world.camera.walls import Fog
from world.city.model import City
from world.streets.network import Control, StreetNetwork

Picture = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]

_FINE_M, _FINE_PX = 176.0, 1408
_COARSE_M, _COARSE_PX = 720.0, 1024
_MOVE_SHARE = 0.25
_FINE_ROWS_TO_M = 46.0
_ASPHALT, _PAVEMENT, _BLOCK = (62, 62, 66), (128, 126, 122), (104, 101, 96)
_WHITE, _YELLOW, _KERB = (215, 215, 212), (214, 170, 50), (150, 148, 143)
_PAVEMENT_M = 3.0
_DASH_M, _GAP_M = 3.0, 3.0
_STRIPE_M = 0.6
_KEEP_TILES = 12


@dataclass(frozen=True, kw_only=True)
class _Tile:
    """A drawn square; its corner of lowest X and Y, and pixels per metre."""

    picture: Picture
    x_m: float
    y_m: float
    px_per_m: float


class Ground:
    """Draws and samples the ground of a city."""

    def __init__(self, city: City, network: StreetNetwork) -> None:
        self._streets = city.streets
        self._network = network
        self._tiles: dict[tuple[int, int, int], _Tile] = {}
        self._lanes = [lane for lane in network.lanes if not lane.is_connector]
        ends = np.array([lane.points_m[[0, -1]] for lane in self._lanes]).reshape(-1, 2, 2)
        self._crossings_m = np.array([(each.x_m, each.y_m) for each in network.crossings]).reshape(-1, 2)
        self._low_m, self._high_m = ends.min(axis=1), ends.max(axis=1)  # (lanes, 2)

    def paint(self, picture: Picture, lens: Lens, pose: CameraPose, fog: Fog) -> None:
        """Paint everything below the horizon."""
        horizon = lens.horizon_px(pose)
        first = max(0, math.floor(horizon) + 1)
        if first >= lens.height_px:
            return
        # Row in which the ground is as far as the fine tile reaches.
        split = math.ceil(horizon + lens.focal_px * pose.z_m / _FINE_ROWS_TO_M)
        split = min(max(split, first), lens.height_px)
        self._warp(picture, first, split, self._tile(pose, _COARSE_M, _COARSE_PX, 1), lens, pose)
        self._warp(picture, split, lens.height_px, self._tile(pose, _FINE_M, _FINE_PX, 0), lens, pose)
        rows = np.arange(first, lens.height_px)
        far = lens.focal_px * pose.z_m / np.maximum(rows + 0.5 - horizon, 1e-3)
        share = 1.0 - np.exp(-((fog.density * far) ** 2))
        shown = picture[first:].astype(np.float32)
        factor = ((1.0 - share) * fog.light).astype(np.float32)[:, None, None]
        added = (share[:, None] * np.array(fog.rgb)).astype(np.float32)[:, None, :]
        picture[first:] = (shown * factor + added).astype(np.uint8)

    def _warp(
        self, picture: Picture, top: int, bottom: int, tile: _Tile, lens: Lens, pose: CameraPose
    ) -> None:
        """Sample a band of rows from a tile by the homography picture -> ground -> tile."""
        if bottom <= top:
            return
        cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
        focal, horizon = lens.focal_px, lens.horizon_px(pose)
        # (column, row, 1) -> (f, r, 1) up to scale: f = F z / (row - horizon), r = (column - W/2) f / F.
        ray = np.array(
            [
                [0.0, 0.0, focal * pose.z_m],
                [pose.z_m, 0.0, -0.5 * lens.width_px * pose.z_m],
                [0.0, 1.0, top + 0.5 - horizon],
            ]
        )
        world = np.array([[cos, -sin, pose.x_m], [sin, cos, pose.y_m], [0.0, 0.0, 1.0]])
        to_tile = np.array(
            [
                [0.0, tile.px_per_m, -tile.y_m * tile.px_per_m],
                [tile.px_per_m, 0.0, -tile.x_m * tile.px_per_m],
                [0.0, 0.0, 1.0],
            ]
        )
        picture[top:bottom] = cv2.warpPerspective(
            tile.picture,
            to_tile @ world @ ray,
            (lens.width_px, bottom - top),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=_BLOCK,
        )

    def _tile(self, pose: CameraPose, side_m: float, side_px: int, level: int) -> _Tile:
        move_m = side_m * _MOVE_SHARE
        key = (level, round(pose.x_m / move_m), round(pose.y_m / move_m))
        tile = self._tiles.get(key)
        if tile is None:
            while len(self._tiles) >= _KEEP_TILES:
                del self._tiles[next(iter(self._tiles))]
            x_m, y_m = key[1] * move_m - side_m / 2, key[2] * move_m - side_m / 2
            tile = self._tiles[key] = self._draw(x_m, y_m, side_m, side_px)
        return tile

    def _draw(self, x_m: float, y_m: float, side_m: float, side_px: int) -> _Tile:
        scale = side_px / side_m
        pen = _Pen(_blank(side_px).copy(), x_m, y_m, scale)
        for width_m, rgb in ((_PAVEMENT_M, _PAVEMENT), (0.25, _KERB), (0.0, _ASPHALT)):
            for street in self._streets:
                half = street.width_m / 2 + width_m
                pen.strip(street.direction, street.centre_m, half, street.start_m, street.end_m, rgb)
        self._draw_marks(pen)
        if pen.is_fine:
            _grain(pen.picture, np.random.default_rng([int(x_m) & 0xFFFF, int(y_m) & 0xFFFF]))
        return _Tile(picture=pen.picture, x_m=x_m, y_m=y_m, px_per_m=scale)

    def _draw_marks(self, pen: "_Pen") -> None:
        for number in np.flatnonzero(pen.sees(self._low_m, self._high_m)).tolist():
            lane = self._lanes[number]
            (ax, ay), (bx, by) = lane.points_m[0].tolist(), lane.points_m[-1].tolist()
            along_x = abs(bx - ax) > abs(by - ay)
            low, high = (min(ax, bx), max(ax, bx)) if along_x else (min(ay, by), max(ay, by))
            middle = ay if along_x else ax
            ahead = 1.0 if (bx > ax if along_x else by > ay) else -1.0
            # Right of the driving direction: +Y for +X, -X for +Y.
            right = ahead if along_x else -ahead
            direction = "x" if along_x else "y"
            half = lane.width_m / 2
            pen.strip(direction, middle + right * (half - 0.25), 0.08, low, high, _WHITE)
            if ahead > 0.0:
                centre = middle - right * half
                pen.dashes(direction, centre, low, high)
        if not pen.is_fine:
            return
        for number in np.flatnonzero(pen.sees(self._crossings_m, self._crossings_m)).tolist():
            crossing = self._network.crossings[number]
            pen.crossing(crossing.x_m, crossing.y_m, crossing.half_x_m, crossing.half_y_m)
            if crossing.control is not Control.NONE:
                for line in crossing.stop_lines:
                    pen.stop_line(line.x_m, line.y_m, line.yaw_rad, line.half_width_m)


@cache
def _blank(side_px: int) -> Picture:
    """A tile of nothing but blocks of houses."""
    return np.full((side_px, side_px, 3), _BLOCK, np.uint8)


def _grain(picture: Picture, rng: np.random.Generator) -> None:
    """Add a gray grain of 2 x 2 pixels, saturating; in two steps, because OpenCV has those fast."""
    height, width, _ = picture.shape
    noise = rng.integers(-7, 8, (height // 2, width // 2), np.int8)
    for grain, apply in ((noise.clip(0, None), cv2.add), (-noise.clip(None, 0), cv2.subtract)):
        gray = cv2.merge([grain.view(np.uint8)] * 3)
        apply(picture, cv2.resize(gray, (width, height), interpolation=cv2.INTER_NEAREST), dst=picture)


class _Pen:
    """Draws axis-parallel marks into a tile; tile columns run along Y, rows along X."""

    def __init__(self, picture: Picture, x_m: float, y_m: float, scale: float) -> None:
        self.picture, self._x_m, self._y_m, self._scale = picture, x_m, y_m, scale
        self._side_m = picture.shape[0] / scale

    @property
    def is_fine(self) -> bool:
        """Whether marks narrower than half a metre can be seen."""
        return self._scale > 2.0

    def sees(self, low_m: Floats, high_m: Floats) -> npt.NDArray[np.bool_]:
        """Which boxes, given by their `(N, 2)` corners, meet the tile."""
        corner = np.array([self._x_m, self._y_m])
        meets = (high_m > corner - 20.0) & (low_m < corner + self._side_m + 20.0)
        return np.asarray(meets.all(axis=-1), np.bool_)

    def box(self, x0: float, x1: float, y0: float, y1: float, rgb: tuple[int, int, int]) -> None:
        """A filled rectangle in world metres; sub-pixel edges keep thin lines straight."""
        if x1 < self._x_m or y1 < self._y_m:
            return
        if x0 > self._x_m + self._side_m or y0 > self._y_m + self._side_m:
            return
        scale = self._scale * 16.0
        corners = np.array([[y0, x0], [y1, x0], [y1, x1], [y0, x1]])
        corners = np.rint((corners - (self._y_m, self._x_m)) * scale - 8.0).astype(np.int32)
        cv2.fillConvexPoly(self.picture, corners, rgb, cv2.LINE_AA, 4)

    def strip(
        self, direction: str, centre: float, half: float, low: float, high: float, rgb: tuple[int, int, int]
    ) -> None:
        """A stripe along an axis."""
        if direction == "x":
            self.box(low, high, centre - half, centre + half, rgb)
        else:
            self.box(centre - half, centre + half, low, high, rgb)

    def dashes(self, direction: str, centre: float, low: float, high: float) -> None:
        """The yellow centre line."""
        at = low + 1.0
        base = self._x_m if direction == "x" else self._y_m
        period = _DASH_M + _GAP_M
        at += max(0.0, math.floor((base - at) / period) * period)
        while at + _DASH_M < high and at < base + self._side_m:
            self.strip(direction, centre, 0.12, at, at + _DASH_M, _YELLOW)
            at += period

    def crossing(self, x_m: float, y_m: float, half_x: float, half_y: float) -> None:
        """Zebra stripes on the four arms, in the 2 m before the crossing."""
        reach = max(half_x, half_y) + 4.0
        if not self.sees(np.array([x_m - reach, y_m - reach]), np.array([x_m + reach, y_m + reach])):
            return
        for side in (-1.0, 1.0):
            edge = x_m + side * half_x
            near, far = sorted((edge - side * 1.6, edge + side * 0.4))
            for k in range(int(half_y / _STRIPE_M)):
                at = y_m - half_y + 0.4 + 2 * k * _STRIPE_M
                self.box(near, far, at, at + _STRIPE_M, _WHITE)
            edge = y_m + side * half_y
            near, far = sorted((edge - side * 1.6, edge + side * 0.4))
            for k in range(int(half_x / _STRIPE_M)):
                at = x_m - half_x + 0.4 + 2 * k * _STRIPE_M
                self.box(at, at + _STRIPE_M, near, far, _WHITE)

    def stop_line(self, x_m: float, y_m: float, yaw_rad: float, half_width_m: float) -> None:
        """A white bar across a lane."""
        if abs(math.cos(yaw_rad)) > 0.5:
            self.box(x_m - 0.2, x_m + 0.2, y_m - half_width_m + 0.2, y_m + half_width_m - 0.2, _WHITE)
        else:
            self.box(x_m - half_width_m + 0.2, x_m + half_width_m - 0.2, y_m - 0.2, y_m + 0.2, _WHITE)
