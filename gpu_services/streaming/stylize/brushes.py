"""What the looks are made of: array operations on a `(H, W, 3) uint8` RGB picture, a few tenths of a ms each.

Everything that depends on the size alone is made once, by `Canvas`. Measured at 640x360 on one core: a grade
0.4 ms, a glow 0.7 ms, the sky 1.0 ms, the ground 0.8 ms, ink 1.3 ms.
"""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]  # (H, W, 3)
Mask = NDArray[np.uint8]  # (H, W), 0 to 255
Colour = tuple[int, int, int]

_HORIZON = 0.5  # of the height: the game's camera looks straight ahead
_SEED = 7


@dataclass(frozen=True, kw_only=True)
class Grade:
    """A mix of the channels and a curve.

    Attributes:
        gain: Of red, green and blue.
        saturation: 0 is grey, 1 as it was.
        gamma: Under 1 lightens, over 1 darkens.
        lift: Added to every channel, 0 to 255.
    """

    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    saturation: float = 1.0
    gamma: float = 1.0
    lift: int = 0

    @cached_property
    def matrix(self) -> NDArray[np.float32]:
        """The 3x3 mix: saturation, then gain."""
        luma = np.array([0.299, 0.587, 0.114], np.float32)
        mix = self.saturation * np.eye(3, dtype=np.float32) + (1 - self.saturation) * luma
        return (np.diag(np.array(self.gain, np.float32)) @ mix).astype(np.float32)

    @cached_property
    def curve(self) -> NDArray[np.uint8]:
        """256 values."""
        levels = (np.arange(256) / 255.0) ** self.gamma * (255 - self.lift) + self.lift
        return np.clip(levels, 0, 255).astype(np.uint8)

    def paint(self, picture: Rgb) -> Rgb:
        """The picture in these colours."""
        return np.asarray(cv2.LUT(cv2.transform(picture, self.matrix), self.curve), np.uint8)


class Canvas:
    """Masks, gradients and noise of one size."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.width_px, self.height_px = width_px, height_px
        self._random = np.random.default_rng(_SEED)
        rows = np.linspace(0, 1, height_px, dtype=np.float32)[:, None]
        columns = np.linspace(-1, 1, width_px, dtype=np.float32)[None, :]
        self.below: Mask = _grey(np.clip((rows - _HORIZON) / 0.12, 0, 1) + 0 * columns)
        edge = np.clip(1.15 - 0.35 * (columns**2 + (2 * rows - 1) ** 2), 0, 1)
        self.vignette: Rgb = _rgb(edge)
        cone = np.exp(-((columns / (0.15 + 0.9 * np.clip(rows - _HORIZON, 0, 1))) ** 2))
        self.headlight: Rgb = _rgb(cone * np.clip((rows - _HORIZON) / 0.3, 0, 1) * (1.15 - rows))

    def gradient(self, top: Colour, bottom: Colour) -> Rgb:
        """From the top edge to the horizon; below it, `bottom`."""
        share = np.clip(np.linspace(0, 1 / _HORIZON, self.height_px), 0, 1)[:, None, None]
        column = (1 - share) * np.array(top) + share * np.array(bottom)
        return np.broadcast_to(column.astype(np.uint8), (self.height_px, self.width_px, 3)).copy()

    def stars(self, sky: Rgb, count: int) -> Rgb:
        """A sky with stars in it."""
        rows = self._random.integers(0, max(1, int(self.height_px * _HORIZON)), count)
        columns = self._random.integers(0, self.width_px, count)
        sky[rows, columns] = self._random.integers(120, 255, count)[:, None].astype(np.uint8)
        return sky

    def sun(self, sky: Rgb, colour: Colour) -> Rgb:
        """A sky with a low sun in it."""
        light = np.zeros_like(sky)
        centre = (int(self.width_px * 0.62), int(self.height_px * 0.42))
        cv2.circle(light, centre, self.height_px // 12, colour, -1)
        for sigma in (self.height_px / 40, self.height_px / 10):
            sky = _as_rgb(cv2.add(sky, cv2.GaussianBlur(light, (0, 0), sigma)))
        return sky

    def streaks(self, count: int, length_px: int, brightness: int) -> Rgb:
        """Rain: slanted lines, twice as high as the picture, to be scrolled."""
        sheet = np.zeros((2 * self.height_px, self.width_px, 3), np.uint8)
        for _ in range(count):
            x = int(self._random.integers(0, self.width_px))
            y = int(self._random.integers(0, 2 * self.height_px - length_px))
            cv2.line(sheet, (x, y), (x - length_px // 5, y + length_px), (brightness,) * 3, 1)
        return sheet

    def flakes(self, count: int) -> Rgb:
        """Snow: soft dots, twice as high as the picture, to be scrolled."""
        sheet = np.zeros((2 * self.height_px, self.width_px, 3), np.uint8)
        for _ in range(count):
            centre = (
                int(self._random.integers(0, self.width_px)),
                int(self._random.integers(0, 2 * self.height_px)),
            )
            cv2.circle(sheet, centre, int(self._random.integers(1, 4)), (230, 235, 240), -1)
        return _as_rgb(cv2.GaussianBlur(sheet, (3, 3), 0))

    def paper(self) -> Rgb:
        """The grain of paper, around 255."""
        noise = self._random.normal(0, 1, (self.height_px, self.width_px)).astype(np.float32)
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.2), np.float32)
        return _rgb(np.clip(0.93 + 0.12 * noise / max(1e-6, float(np.abs(noise).max())), 0, 1))


def sky_mask(picture: Rgb) -> Mask:
    """Where the game draws its sky: light, and bluer than red."""
    red, blue = picture[..., 0], picture[..., 2]
    mask = cv2.bitwise_and(
        cv2.threshold(cv2.subtract(blue, red), 24, 255, cv2.THRESH_BINARY)[1],
        cv2.threshold(blue, 165, 255, cv2.THRESH_BINARY)[1],
    )
    return np.asarray(cv2.GaussianBlur(mask, (3, 3), 0), np.uint8)


def grey_mask(picture: Rgb) -> Mask:
    """Where the picture has little colour: roads, pavements, concrete."""
    most = cv2.max(cv2.max(picture[..., 0], picture[..., 1]), picture[..., 2])
    least = cv2.min(cv2.min(picture[..., 0], picture[..., 1]), picture[..., 2])
    return np.asarray(cv2.threshold(cv2.subtract(most, least), 26, 255, cv2.THRESH_BINARY_INV)[1], np.uint8)


def blend(under: Rgb, over: Rgb, mask: Mask) -> Rgb:
    """`over` where the mask is 255, `under` where it is 0."""
    wide = cv2.merge((mask, mask, mask))
    shown = cv2.multiply(over, wide, scale=1 / 255)
    kept = cv2.multiply(under, cv2.bitwise_not(wide), scale=1 / 255)
    return _as_rgb(cv2.add(shown, kept))


def glow(picture: Rgb, *, threshold: int, strength: float) -> Rgb:
    """Light that spills from the brightest parts, computed at a quarter of the size."""
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    bright = cv2.GaussianBlur(cv2.subtract(small, np.full_like(small, threshold)), (0, 0), 3)
    wide = cv2.resize(bright, (width, height), interpolation=cv2.INTER_LINEAR)
    return _as_rgb(cv2.addWeighted(picture, 1.0, wide, strength, 0))


def shade(picture: Rgb, factor: Rgb) -> Rgb:
    """Multiply, 255 being 1."""
    return _as_rgb(cv2.multiply(picture, factor, scale=1 / 255))


def mirrored(picture: Rgb) -> Rgb:
    """The upper half upside down in the lower half, as a wet road shows it."""
    half = picture.shape[0] // 2
    turned = picture.copy()
    turned[-half:] = cv2.blur(picture[:half][::-1], (3, 17))
    return turned


def ink(picture: Rgb, *, strength: float) -> Mask:
    """Lines where the picture has edges: 0 is black."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    across = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 1, 0))
    along = cv2.convertScaleAbs(cv2.Sobel(grey, cv2.CV_16S, 0, 1))
    lines = cv2.addWeighted(across, strength, along, strength, 0)
    return np.asarray(cv2.bitwise_not(cv2.threshold(lines, 40, 255, cv2.THRESH_TOZERO)[1]), np.uint8)


def scrolled(sheet: Rgb, offset_px: int) -> Rgb:
    """A window of half the sheet's height that moves down the picture as the offset grows."""
    height = sheet.shape[0] // 2
    start = height - 1 - offset_px % height
    return sheet[start : start + height]


def _grey(share: NDArray[np.float32]) -> Mask:
    return np.asarray(np.clip(share * 255, 0, 255), np.uint8)


def _rgb(share: NDArray[np.float32]) -> Rgb:
    return _as_rgb(np.repeat(_grey(share)[..., None], 3, axis=2))


def _as_rgb(picture: object) -> Rgb:
    return np.ascontiguousarray(picture, dtype=np.uint8)
