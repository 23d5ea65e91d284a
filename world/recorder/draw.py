"""The ego view: a street of the generated city, painted from a pose.

Per picture: a ray for each column meets the nearest wall, and the wall that stands highest behind
it, by arithmetic on the regular grid; one `cv2.remap` then samples walls and sky from an atlas, three
`cv2.warpPerspective` sample the ground in bands of distance, and parked cars are filled polygons.
A picture is a function of the pose, apart from faint grain. Pictures are planar YUV 4:2:0 in limited
range, as the encoder takes them.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scalediff_contract.stamp import block_px
from world.recorder import textures
from world.recorder.city import (
    CELL_M,
    FACADES,
    HIGH_X,
    HIGH_Y,
    LOW_X,
    LOW_Y,
    MAX_HEIGHT_M,
    PERIOD,
    SETBACK_M,
    City,
)
from world.recorder.parked import Lens, draw_car, parked_cars
from world.recorder.stamp import stamp_row

Picture = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]

_FIELD_OF_VIEW_RAD = math.radians(75.0)  # vertical, as the game's camera
_WALLS = 5  # grid lines looked at in each axis
_FAR_M = 1e4
_BAND_ENDS_M = (14.0, 60.0, 1e9)
_GRAINS = 8


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera is: CARLA axes, metres and radians; yaw is clockwise."""

    x_m: float
    y_m: float
    yaw_rad: float
    height_m: float = 1.6


@dataclass(frozen=True, kw_only=True)
class _Walls:
    """One wall per column: depth, top and where in the atlas to sample it; all `(W,)` float32."""

    depth_m: FloatArray
    top_m: FloatArray
    atlas_x_px: FloatArray
    level: npt.NDArray[np.int64]


class Painter:
    """Paints the views of one session's city."""

    def __init__(self, city: City, seed: int, width_px: int, height_px: int, plain: bool = False) -> None:
        self._city = city
        self._size = (width_px, height_px)
        self._focal_px = height_px / 2 / math.tan(_FIELD_OF_VIEW_RAD / 2)
        self._slope = ((np.arange(width_px) + 0.5 - width_px / 2) / self._focal_px).astype(np.float32)
        self._rows = (np.arange(height_px) + 0.5 - height_px / 2).astype(np.float32)[:, None]  # (H, 1)
        self._atlas = textures.make_atlas(seed, plain)
        self._ground = textures.make_ground(city, seed)
        self._seed = seed
        rng = np.random.default_rng([seed, 5])
        self._grain = rng.integers(0, 4, (_GRAINS, height_px, width_px), dtype=np.uint8)
        share = np.clip(self._rows[:, 0] / self._focal_px + 1, 0, 1)  # 0 at the top, 1 at the horizon
        self._sky_row = (share * (textures.SKY_PX[1] - 1) + self._atlas.sky_top_px).astype(np.float32)

    def paint(self, view: View, grain: int = 0, frame_id: int | None = None) -> Picture:
        """Paint one view.

        Args:
            view: The camera's pose.
            grain: Chooses the faint noise that a real camera's picture would have.
            frame_id: Stamped along the top edge where given.

        Returns:
            `(H * 3 // 2, W)` uint8, planar YUV 4:2:0 in limited range.
        """
        front, behind = self._cast(view)
        bgr = self._paint_walls(view, front, behind)
        self._paint_ground(bgr, view, front)
        self._paint_cars(bgr, view, front)
        yuv = np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2YUV_I420), np.uint8)
        width, height = self._size
        cv2.add(yuv[:height], self._grain[grain % _GRAINS], dst=yuv[:height])
        if frame_id is not None:
            row = stamp_row(frame_id, width, height)
            block = block_px(width, height)
            yuv[:block, : row.size] = row
            yuv[height:].reshape(2, -1)[:, : width * block // 4] = 128  # no colour under the stamp
        return yuv

    def _cast(self, view: View) -> tuple[_Walls, _Walls]:
        """Find each column's nearest wall and the wall seen highest; columns without one lie far."""
        cos, sin = np.float32(math.cos(view.yaw_rad)), np.float32(math.sin(view.yaw_rad))
        ray_x, ray_y = cos - sin * self._slope, sin + cos * self._slope
        x_walls = self._walls_across(view.x_m - self._city.origin_x_m, view.y_m, ray_x, ray_y, across_x=True)
        y_walls = self._walls_across(view.y_m, view.x_m - self._city.origin_x_m, ray_y, ray_x, across_x=False)
        depth, top, atlas, shade = (np.concatenate(pair) for pair in zip(x_walls, y_walls, strict=True))
        columns = np.arange(depth.shape[1])
        nearest = np.argmin(depth, axis=0)
        highest = np.argmax((top - view.height_m) / depth, axis=0)
        return (
            self._pick(depth, top, atlas, shade, nearest, columns),
            self._pick(depth, top, atlas, shade, highest, columns),
        )

    def _pick(
        self,
        depth: FloatArray,
        top: FloatArray,
        atlas: FloatArray,
        shade: FloatArray,
        row: npt.NDArray[np.intp],
        columns: npt.NDArray[np.intp],
    ) -> _Walls:
        """Gather one wall per column and choose its level of detail."""
        depth_m = depth[row, columns]
        texels_per_px = depth_m * textures.TEXEL_PER_M / self._focal_px
        level = np.clip(np.log2(np.maximum(texels_per_px, 0.1)) + 0.6, 0, textures.LEVELS - 1).astype(int)
        strip_px = textures.STRIP_PX * (shade[row, columns]) + atlas[row, columns]
        return _Walls(
            depth_m=depth_m,
            top_m=top[row, columns],
            atlas_x_px=(strip_px / np.exp2(level)).astype(np.float32),
            level=level,
        )

    def _walls_across(
        self, at_m: float, other_m: float, ray: FloatArray, other_ray: FloatArray, *, across_x: bool
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Cross the walls that stand across one axis, nearest first.

        Args:
            at_m: The camera along that axis, from crossing 0.
            other_m: The camera along the other axis.
            ray: Ray direction along that axis, `(W,)`.
            other_ray: Ray direction along the other axis.
            across_x: True for walls across X.

        Returns:
            Depth, top, place in the facade strip and strip number, each `(walls, W)`.
        """
        city = self._city
        pitch, other_pitch = (
            (city.pitch_x_m, city.pitch_y_m) if across_x else (city.pitch_y_m, city.pitch_x_m)
        )
        sign = np.where(ray >= 0, 1, -1)
        line = np.floor((at_m * sign - SETBACK_M) / pitch) + 1 + np.arange(_WALLS)[:, None]  # (walls, W)
        wall_m = (line * pitch + SETBACK_M) * sign
        depth = ((wall_m - at_m) / np.where(np.abs(ray) < 1e-6, 1e-6, ray)).astype(np.float32)
        hit_m = other_m + depth * other_ray
        block_other = np.floor(hit_m / other_pitch).astype(int)
        along_m = hit_m - block_other * other_pitch
        block = np.where(sign > 0, line, -line - 1).astype(int)
        side = np.where(sign > 0, LOW_X if across_x else LOW_Y, HIGH_X if across_x else HIGH_Y)
        front_m = along_m - SETBACK_M
        cell = np.clip(front_m / CELL_M, 0, city.height_m.shape[3] - 1).astype(int)
        i, j = (block, block_other) if across_x else (block_other, block)
        place = (i % PERIOD, j % PERIOD, np.broadcast_to(side, line.shape), cell)
        wall = (front_m > 0) & (front_m < other_pitch - 2 * SETBACK_M) & (depth > 0.05) & (depth < _FAR_M)
        strip = city.facade[place] + (FACADES if across_x else 0)
        return (
            np.where(wall, depth, np.float32(_FAR_M)),
            np.where(wall, city.height_m[place], np.float32(0)),
            ((front_m % textures.STRIP_M) * textures.TEXEL_PER_M).astype(np.float32),
            strip.astype(np.float32),
        )

    def _paint_walls(self, view: View, front: _Walls, behind: _Walls) -> Picture:
        """Sample sky, the walls behind and the front walls in one pass."""
        map_x, map_y = self._sky_maps(view)
        above_ground = self._size[1] // 2
        for walls in (behind, front):
            slope, offset, top_row = self._wall_rows(view, walls)
            drawn = (self._rows >= top_row) & (walls.depth_m < _FAR_M)
            rows = np.minimum(self._rows, self._focal_px * view.height_m / walls.depth_m)
            np.copyto(map_y, offset + slope * rows, where=drawn)
            np.copyto(map_x, np.broadcast_to(walls.atlas_x_px, map_x.shape), where=drawn)
        last = min(self._size[1], above_ground + self._lowest_wall_px(view, front))
        bgr = np.empty((self._size[1], self._size[0], 3), np.uint8)
        cv2.remap(self._atlas.picture, map_x[:last], map_y[:last], cv2.INTER_LINEAR, dst=bgr[:last])
        return bgr

    def _wall_rows(self, view: View, walls: _Walls) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Atlas row as a linear function of the picture's row: slope, offset; and the roof's row."""
        scale = np.exp2(-walls.level).astype(np.float32)
        texel = textures.TEXEL_PER_M * scale
        slope = texel * walls.depth_m / self._focal_px
        height_texel = (MAX_HEIGHT_M - view.height_m) * texel
        offset = self._atlas.level_top_px[walls.level] + height_texel - 0.5
        top_row = -self._focal_px * (walls.top_m - view.height_m) / walls.depth_m
        return slope, offset.astype(np.float32), top_row

    def _sky_maps(self, view: View) -> tuple[FloatArray, FloatArray]:
        """Where each pixel samples the panorama, `(H, W)` each."""
        turn = (view.yaw_rad + np.arctan(self._slope)) / (2 * math.pi) % 1.0
        shape = (self._size[1], self._size[0])
        map_x = np.broadcast_to((turn * textures.SKY_PX[0]).astype(np.float32), shape).copy()
        map_y = np.broadcast_to(self._sky_row[:, None], shape).copy()
        return map_x, map_y

    def _lowest_wall_px(self, view: View, front: _Walls) -> int:
        nearest_m = max(float(front.depth_m.min()), 0.05)
        return math.ceil(self._focal_px * view.height_m / nearest_m) + 1

    def _paint_ground(self, bgr: Picture, view: View, front: _Walls) -> None:
        """Lay the ground over everything below the walls' feet, in bands of distance."""
        width, height = self._size
        horizon = height // 2
        foot_row = self._focal_px * view.height_m / front.depth_m
        bottom = height
        for texture, texel_per_m, end_m in zip(
            self._ground, textures.GROUND_TEXEL_PER_M, _BAND_ENDS_M, strict=True
        ):
            top = min(bottom, horizon + max(0, math.ceil(self._focal_px * view.height_m / end_m)))
            if top == bottom:
                continue
            matrix = self._ground_matrix(view, texel_per_m, top)
            band = cv2.warpPerspective(
                texture,
                matrix,
                (width, bottom - top),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_WRAP,
            )
            mask = (self._rows[top:bottom] >= foot_row).astype(np.uint8)
            cv2.copyTo(band, mask, bgr[top:bottom])
            bottom = top

    def _ground_matrix(self, view: View, texel_per_m: int, top: int) -> npt.NDArray[np.float64]:
        """Homography from a band's pixels (column, row - top) to the ground texture (Y, X)."""
        width, height = self._size
        cos, sin = math.cos(view.yaw_rad), math.sin(view.yaw_rad)
        at_x, at_y = view.x_m - self._city.origin_x_m, view.y_m
        at_x %= self._city.pitch_x_m
        at_y %= self._city.pitch_y_m
        row = np.array([0.0, 1.0, top + 0.5 - height / 2])  # row below the horizon
        column = np.array([1.0, 0.0, 0.5 - width / 2])
        forward = np.array([0.0, 0.0, self._focal_px * view.height_m])
        side = column * view.height_m
        world_x = at_x * row + cos * forward - sin * side
        world_y = at_y * row + sin * forward + cos * side
        return np.stack([world_y * texel_per_m, world_x * texel_per_m, row])

    def _paint_cars(self, bgr: Picture, view: View, front: _Walls) -> None:
        """Draw the parked cars that no wall hides."""
        width, height = self._size
        lens = Lens(
            x_m=view.x_m,
            y_m=view.y_m,
            cos=math.cos(view.yaw_rad),
            sin=math.sin(view.yaw_rad),
            height_m=view.height_m,
            focal_px=self._focal_px,
            centre_px=(width / 2, height / 2),
        )
        for car in parked_cars(self._city, self._seed, lens):
            depth_m, side_m = lens.to_camera(car.x_m, car.y_m)
            column = int(np.clip(width / 2 + side_m / max(depth_m, 0.5) * self._focal_px, 0, width - 1))
            if depth_m < front.depth_m[column] or depth_m < 3:
                draw_car(bgr, lens, car)
