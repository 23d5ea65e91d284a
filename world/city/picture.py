"""A map of a city from above: footprints by height, corridors, crossings, a scale and a north arrow.

The map's up is the world's X (the game's -z). Drawn at twice the size and shrunk, so that edges are
smooth; about 1 s.
"""

import math
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from world.city.errors import CityError
from world.city.model import City, Street

Image = npt.NDArray[np.uint8]
Bgr = tuple[int, int, int]
_OVERSAMPLING = 2
_MARGIN_PX = 36
_LEGEND_PX = 74
_NARROWEST_PX = 360
_PAPER: Bgr = (240, 244, 246)
_PAVEMENT: Bgr = (214, 222, 226)
_ASPHALT: Bgr = (172, 166, 160)
_CROSSING: Bgr = (152, 146, 140)
_MARK: Bgr = (226, 240, 246)
_INK: Bgr = (72, 60, 52)
# Wall heights in metres and their colours (blue, green, red); in between they are mixed.
_RAMP: tuple[tuple[float, Bgr], ...] = (
    (0.0, (160, 196, 222)),
    (15.0, (118, 168, 214)),
    (30.0, (92, 134, 204)),
    (60.0, (88, 92, 182)),
    (100.0, (104, 62, 142)),
    (150.0, (112, 48, 100)),
    (220.0, (86, 34, 58)),
    (430.0, (34, 16, 22)),
)
_TICKS_M = (10, 30, 60, 100, 150, 200, 300)


def draw_map(city: City, *, size_px: int = 1_600) -> Image:
    """The city from above.

    Args:
        city: What to draw.
        size_px: Length of the map's longer side.

    Returns:
        `(H, W, 3) uint8`, BGR, with a margin and a legend.
    """
    scale = size_px * _OVERSAMPLING / max(city.width_m, city.depth_m)
    large = _Canvas(city, scale)
    large.draw_streets()
    large.draw_buildings()
    width, height = (max(round(extent * scale / _OVERSAMPLING), 1) for extent in (city.width_m, city.depth_m))
    inside = cv2.resize(large.image, (width, height), interpolation=cv2.INTER_AREA)
    page_width = max(width, _NARROWEST_PX) + 2 * _MARGIN_PX
    page = np.full((height + 2 * _MARGIN_PX + _LEGEND_PX, page_width, 3), _PAPER, np.uint8)
    page[_MARGIN_PX : _MARGIN_PX + height, _MARGIN_PX : _MARGIN_PX + width] = inside
    corner = (_MARGIN_PX - 1, _MARGIN_PX - 1)
    cv2.rectangle(page, corner, (_MARGIN_PX + width, _MARGIN_PX + height), _INK, 1, cv2.LINE_AA)
    _draw_legend(page, city, metre_px=scale / _OVERSAMPLING)
    return page


def write_map(city: City, path: Path, *, size_px: int = 1_600) -> None:
    """Draw a city and write the picture.

    Raises:
        CityError: The picture's folder is missing or its name has no known ending.
    """
    page = draw_map(city, size_px=size_px)
    try:
        written = cv2.imwrite(str(path), page)
    except cv2.error:
        raise CityError(path, "unknown kind of picture; name it .png or .jpg") from None
    if not written:
        raise CityError(path, "cannot be written; is its folder there?")


class _Canvas:
    """The map itself at twice its size; world metres in, pixels out."""

    def __init__(self, city: City, scale: float) -> None:
        self.city = city
        self.scale = scale
        shape = (max(round(city.depth_m * scale), 1), max(round(city.width_m * scale), 1), 3)
        self.image: Image = np.full(shape, _PAVEMENT, np.uint8)

    def pixels(self, points_m: npt.NDArray[np.float64]) -> npt.NDArray[np.int32]:
        """World points `(N, 2)` as pixels with 4 fractional bits, `(N, 2) int32`."""
        across = (points_m[:, 1] + self.city.width_m / 2) * self.scale
        down = (self.city.depth_m / 2 - points_m[:, 0]) * self.scale
        return np.round(np.column_stack((across, down)) * 16).astype(np.int32)

    def fill(self, points_m: npt.NDArray[np.float64], colour: Bgr) -> None:
        """Fill one outline."""
        cv2.fillPoly(self.image, [self.pixels(points_m)], colour, cv2.LINE_AA, shift=4)

    def draw_streets(self) -> None:
        """Asphalt, then crossings, then centre dashes between them."""
        streets = self.city.streets
        for street in streets:
            self.fill(_band(street, street.start_m, street.end_m, street.width_m), _ASPHALT)
        along = [street for street in streets if street.direction == "x"]
        across = [street for street in streets if street.direction == "y"]
        for street in along:
            for other in across:
                if _cross(street, other):
                    low, high = other.centre_m - other.width_m / 2, other.centre_m + other.width_m / 2
                    self.fill(_band(street, low, high, street.width_m), _CROSSING)
        for street in streets:
            self._draw_dashes(street, across if street.direction == "x" else along)

    def _draw_dashes(self, street: Street, others: list[Street]) -> None:
        starts = np.arange(street.start_m + 3.0, street.end_m - 6.0, 12.0)
        for other in others:
            if _cross(street, other):
                starts = starts[np.abs(starts + 3.0 - other.centre_m) > other.width_m / 2 + 5.0]
        for start in starts:
            self.fill(_band(street, float(start), float(start) + 6.0, 0.9), _MARK)

    def draw_buildings(self) -> None:
        """Shadows of all, then roofs from low to high with a darker edge."""
        shade = np.zeros(self.image.shape[:2], np.uint8)
        for building in self.city.buildings:
            reach = min(building.height_m, 120.0) * 0.16
            for share in (0.5, 1.0):
                moved = building.outline_m + np.array([-reach, reach]) * share
                cv2.fillPoly(shade, [self.pixels(moved)], 255, cv2.LINE_AA, shift=4)
        dark = 1.0 - 0.34 * (cv2.GaussianBlur(shade, (0, 0), 1.2 * _OVERSAMPLING)[..., None] / 255.0)
        self.image[:] = (self.image * dark).astype(np.uint8)
        for building in sorted(self.city.buildings, key=lambda one: one.height_m):
            roof = _height_colour(building.height_m)
            pixels = self.pixels(building.outline_m)
            cv2.fillPoly(self.image, [pixels], roof, cv2.LINE_AA, shift=4)
            cv2.polylines(self.image, [pixels], True, _darker(roof), _OVERSAMPLING // 2, cv2.LINE_AA, shift=4)


def _band(street: Street, low_m: float, high_m: float, width_m: float) -> npt.NDArray[np.float64]:
    """A rectangle on a street, from `low_m` to `high_m` along it, in world metres."""
    half = width_m / 2
    along = np.array([low_m, high_m, high_m, low_m])
    across = street.centre_m + np.array([-half, -half, half, half])
    return np.column_stack((along, across) if street.direction == "x" else (across, along))


def _cross(street: Street, other: Street) -> bool:
    return (
        street.start_m <= other.centre_m <= street.end_m and other.start_m <= street.centre_m <= other.end_m
    )


def _height_colour(height_m: float) -> Bgr:
    heights = [height for height, _ in _RAMP]
    channels = (np.interp(height_m, heights, [colour[i] for _, colour in _RAMP]) for i in range(3))
    blue, green, red = (round(float(value)) for value in channels)
    return blue, green, red


def _darker(colour: Bgr) -> Bgr:
    blue, green, red = (int(value * 0.72) for value in colour)
    return blue, green, red


def _draw_legend(page: Image, city: City, *, metre_px: float) -> None:
    top = page.shape[0] - _LEGEND_PX - _MARGIN_PX // 3
    left, right = _MARGIN_PX, page.shape[1] - _MARGIN_PX
    title = f"{len(city.buildings):,} buildings   {len(city.streets)} streets   "
    title += f"{city.width_m:,.0f} x {city.depth_m:,.0f} m   {city.content_hash}"
    _text(page, title, (left, top + 22))
    _draw_ramp(page, left, top + 36)
    step_m = 10.0 ** math.floor(math.log10(city.width_m / 4))
    bar = round(step_m * metre_px)
    base = top + 52
    cv2.line(page, (right - bar, base), (right, base), _INK, 3, cv2.LINE_AA)
    _text(page, f"{step_m:g} m", (right - bar, base - 8))
    _text(page, "X", (right - bar - 46, base - 26))
    cv2.arrowedLine(page, (right - bar - 40, base + 12), (right - bar - 40, base - 20), _INK, 2, cv2.LINE_AA)


def _draw_ramp(page: Image, left: int, top: int) -> None:
    width, highest = min(420, page.shape[1] // 2 - left), _TICKS_M[-1]
    for column in range(width):
        # Square-root spacing: most buildings are low.
        height_m = highest * (column / width) ** 2
        page[top : top + 16, left + column] = _height_colour(height_m)
    for tick in _TICKS_M:
        column = left + round(width * (tick / highest) ** 0.5)
        _text(page, f"{tick}", (column - 10, top + 34), size=0.4)
    _text(page, "m high", (left + width + 28, top + 13), size=0.45)


def _text(page: Image, text: str, place: tuple[int, int], *, size: float = 0.55) -> None:
    cv2.putText(page, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)
