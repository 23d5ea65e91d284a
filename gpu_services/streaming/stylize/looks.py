"""Looks of the city and the words of a prompt that ask for them. Rules, no model: the picture's layout stays.

A look is made for one size and paints one picture at a time; `tick` counts the pictures of a player, so that
rain falls for each of them on its own. The first look whose word is in the prompt wins, in the order below.
"""

import re
from collections.abc import Callable, Mapping
from typing import Protocol

import cv2
import numpy as np

from gpu_services.streaming.stylize.brushes import (
    Canvas,
    Colour,
    Grade,
    Mask,
    Rgb,
    blend,
    glow,
    grey_mask,
    ink,
    mirrored,
    scrolled,
    shade,
    sky_mask,
)

_WORD = re.compile(r"[a-z]+")


class Look(Protocol):
    """Paints one picture."""

    def __call__(self, picture: Rgb, tick: int) -> Rgb:
        """The painted picture, of the same shape."""
        ...


def night(canvas: Canvas) -> Look:
    """Blue dark, stars, headlights, lamps that glow."""
    dark = Grade(gain=(0.42, 0.50, 0.85), saturation=0.7, gamma=1.25)
    sky = canvas.stars(canvas.gradient((4, 6, 22), (26, 30, 62)), 160)
    warm = Grade(gain=(1.25, 1.1, 0.8), saturation=0.8)

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        lit = cv2.multiply(warm.paint(picture), canvas.headlight, scale=1 / 255)
        ground = np.asarray(cv2.add(dark.paint(picture), lit), np.uint8)
        return glow(blend(ground, sky, sky_mask(picture)), threshold=110, strength=0.9)

    return paint


def rain(canvas: Canvas) -> Look:
    """Grey light, a wet road that mirrors, rain."""
    dull = Grade(gain=(0.72, 0.78, 0.86), saturation=0.45, gamma=1.15)
    sky = canvas.gradient((92, 100, 112), (150, 156, 164))
    fall = canvas.streaks(260, max(6, canvas.height_px // 12), 62)

    def paint(picture: Rgb, tick: int) -> Rgb:
        grey = blend(dull.paint(picture), sky, sky_mask(picture))
        wet = _at_most(cv2.bitwise_and(grey_mask(picture), canvas.below), 120)
        shown = blend(grey, mirrored(grey), wet)
        return np.asarray(cv2.add(shown, scrolled(fall, tick * canvas.height_px // 9)), np.uint8)

    return paint


def snow(canvas: Canvas) -> Look:
    """White ground, pale sky, flakes."""
    cold = Grade(gain=(0.95, 1.0, 1.08), saturation=0.5, gamma=0.8, lift=18)
    sky = canvas.gradient((188, 196, 208), (226, 230, 236))
    white = canvas.gradient((236, 240, 248), (236, 240, 248))
    fall = canvas.flakes(170)

    def paint(picture: Rgb, tick: int) -> Rgb:
        cover = _at_most(cv2.bitwise_and(grey_mask(picture), canvas.below), 190)
        ground = blend(cold.paint(picture), white, cover)
        shown = blend(ground, sky, sky_mask(picture))
        return np.asarray(cv2.add(shown, scrolled(fall, tick * canvas.height_px // 40)), np.uint8)

    return paint


def sunset(canvas: Canvas) -> Look:
    """Low sun, orange sky, violet shadows."""
    warm = Grade(gain=(1.18, 0.86, 0.68), saturation=1.1, gamma=1.15)
    sky = canvas.sun(canvas.gradient((74, 56, 110), (252, 142, 66)), (255, 226, 150))

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        shown = blend(warm.paint(picture), sky, sky_mask(picture))
        return shade(glow(shown, threshold=150, strength=0.8), canvas.vignette)

    return paint


def fog(canvas: Canvas) -> Look:
    """Far things fade."""
    pale = Grade(gain=(0.9, 0.93, 0.96), saturation=0.35, lift=30)
    grey = canvas.gradient((196, 200, 204), (196, 200, 204))
    depth = cv2.GaussianBlur(255 - np.abs(canvas.below.astype(np.int16) - 96).astype(np.uint8), (0, 0), 9)
    veil = _at_most(depth, 200)

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        return blend(blend(pale.paint(picture), grey, veil), grey, sky_mask(picture))

    return paint


def neon(canvas: Canvas) -> Look:
    """Magenta and cyan, with edges that shine."""
    dark = Grade(gain=(0.7, 0.4, 0.95), saturation=1.4, gamma=1.5)
    sky = canvas.gradient((18, 4, 40), (120, 20, 110))

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        base = blend(dark.paint(picture), sky, sky_mask(picture))
        edges = np.asarray(cv2.bitwise_not(ink(picture, strength=1.2)), np.uint8)
        shine = cv2.merge((cv2.convertScaleAbs(edges, alpha=0.3), edges, edges))
        return glow(np.asarray(cv2.add(base, shine), np.uint8), threshold=90, strength=1.1)

    return paint


def comic(canvas: Canvas) -> Look:
    """Few colours and black lines."""
    del canvas
    vivid = Grade(saturation=1.7, gamma=0.85)
    steps = (np.arange(256) // 43 * 51).clip(0, 255).astype(np.uint8)

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        flat = cv2.LUT(cv2.medianBlur(vivid.paint(picture), 5), steps)
        lines = cv2.threshold(ink(picture, strength=0.9), 190, 255, cv2.THRESH_BINARY)[1]
        return np.asarray(cv2.bitwise_and(flat, cv2.merge((lines, lines, lines))), np.uint8)

    return paint


def watercolour(canvas: Canvas) -> Look:
    """Soft areas on paper."""
    soft = Grade(saturation=1.25, gamma=0.75, lift=30)
    paper = canvas.paper()

    def paint(picture: Rgb, tick: int) -> Rgb:
        del tick
        wash = cv2.medianBlur(cv2.blur(soft.paint(picture), (3, 3)), 5)
        lines = cv2.addWeighted(ink(picture, strength=0.35), 0.7, np.full_like(picture[..., 0], 255), 0.3, 0)
        return shade(shade(np.asarray(wash, np.uint8), paper), np.asarray(cv2.merge((lines,) * 3), np.uint8))

    return paint


def _at_most(mask: object, limit: int) -> Mask:
    return np.minimum(np.asarray(mask, np.uint8), np.uint8(limit))


def _tinted(grade: Grade, top: Colour, bottom: Colour) -> Callable[[Canvas], Look]:
    def make(canvas: Canvas) -> Look:
        sky = canvas.gradient(top, bottom)

        def paint(picture: Rgb, tick: int) -> Rgb:
            del tick
            shown = blend(grade.paint(picture), sky, sky_mask(picture))
            return shade(glow(shown, threshold=170, strength=0.5), canvas.vignette)

        return paint

    return make


autumn = _tinted(Grade(gain=(1.15, 0.92, 0.66), saturation=1.2, gamma=1.05), (150, 170, 190), (232, 206, 170))
desert = _tinted(Grade(gain=(1.2, 1.0, 0.7), saturation=0.8, gamma=0.85), (206, 170, 110), (236, 208, 160))
daylight = _tinted(Grade(gain=(1.06, 1.0, 0.92), saturation=1.15, gamma=1.2), (62, 120, 196), (206, 224, 236))

LOOKS: Mapping[str, Callable[[Canvas], Look]] = {
    "comic": comic,
    "neon": neon,
    "watercolour": watercolour,
    "snow": snow,
    "rain": rain,
    "fog": fog,
    "night": night,
    "sunset": sunset,
    "autumn": autumn,
    "desert": desert,
    "daylight": daylight,
}
_WORDS: Mapping[str, str] = {
    **{word: "comic" for word in ("comic", "cartoon", "anime", "manga", "ink", "cel")},
    **{word: "neon" for word in ("neon", "cyberpunk", "synthwave", "futuristic", "tokyo")},
    **{word: "watercolour" for word in ("watercolour", "watercolor", "painting", "painted", "impressionist")},
    **{word: "snow" for word in ("snow", "snowy", "winter", "blizzard", "ice", "icy", "christmas")},
    **{word: "rain" for word in ("rain", "rainy", "wet", "storm", "stormy", "monsoon", "thunderstorm")},
    **{word: "fog" for word in ("fog", "foggy", "mist", "misty", "haze", "hazy", "smog")},
    **{word: "night" for word in ("night", "midnight", "dark", "moonlight", "evening")},
    **{word: "sunset" for word in ("sunset", "sunrise", "dusk", "dawn", "golden")},
    **{word: "autumn" for word in ("autumn", "fall", "october")},
    **{word: "desert" for word in ("desert", "sand", "dust", "dusty", "mars", "apocalypse")},
}


def look_of(prompt: str) -> str:
    """The name of the look that a prompt asks for; `daylight` where it names none."""
    words = set(_WORD.findall(prompt.lower()))
    asked = {_WORDS[word] for word in words if word in _WORDS}
    return next((name for name in LOOKS if name in asked), "daylight")
