"""The painter without a GPU: other prompts are other cities, the same prompt is the same picture."""

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from gpu_services.streaming.backend import Degradable, PaintJob
from gpu_services.streaming.choose import BackendChoice, open_backend
from gpu_services.streaming.stylize.looks import LOOKS, look_of
from gpu_services.streaming.stylize.painter import StylizeBackend

SIZE = (320, 180)


def street() -> NDArray[np.uint8]:
    """A road under a sky between two facades, as the game draws them."""
    picture = np.full((SIZE[1], SIZE[0], 3), (135, 206, 235), np.uint8)
    picture[90:] = 42
    picture[20:90, :110] = (139, 87, 66)
    picture[30:90, 210:] = (170, 160, 140)
    picture[90:, 158:162] = (240, 200, 20)
    return picture


def painted(prompt: str, *, count: int = 1, level: int = 0) -> NDArray[np.uint8]:
    backend = StylizeBackend(width_px=SIZE[0], height_px=SIZE[1])
    backend.set_quality(level)
    state = backend.open_session(prompt)
    return np.stack(
        [backend.paint([PaintJob(state=state, frames=street()[None])])[0][0] for _ in range(count)]
    )


@pytest.mark.parametrize(
    ("prompt", "look"),
    [
        ("new york city realistic buildings", "daylight"),
        ("a drive at Night, long exposure", "night"),
        ("wet street in the rain", "rain"),
        ("Tokyo, cyberpunk, at night", "neon"),
        ("Christmas snow", "snow"),
        ("rainfall is not a word we know", "daylight"),
        ("", "daylight"),
    ],
)
def test_words_choose_the_look(prompt: str, look: str) -> None:
    assert look_of(prompt) == look


def test_every_look_is_another_city() -> None:
    pictures = {look: painted(look)[0].astype(int) for look in LOOKS}
    for (one, first), (other, second) in itertools.combinations(pictures.items(), 2):
        assert np.abs(first - second).mean() > 4, f"{one} looks like {other}"


def test_night_is_dark_and_snow_is_white_on_the_road() -> None:
    day, night, snow = (painted(prompt)[0] for prompt in ("day", "night", "snow"))
    assert night.mean() < 0.6 * day.mean()
    assert snow[120:, :100].mean() > 150 > day[120:, :100].mean()


def test_layout_stays_where_it_was() -> None:
    for prompt in ("day", "night", "autumn", "desert"):
        grey = painted(prompt)[0].mean(axis=2)
        edge = np.abs(np.diff(grey[40:80].mean(axis=0)))
        assert {int(column) for column in edge.argsort()[-2:]} <= {108, 109, 110, 208, 209, 210}, prompt


def test_rain_falls_and_a_session_rains_on_its_own() -> None:
    first = painted("rain", count=3)
    assert np.abs(first[0].astype(int) - first[1]).mean() > 0.5
    assert np.array_equal(first, painted("rain", count=3))


def test_the_cheaper_level_keeps_the_size() -> None:
    assert painted("night", level=1).shape == painted("night").shape
    assert isinstance(StylizeBackend(), Degradable)


def test_only_the_chosen_backend_is_opened() -> None:
    passthrough = open_backend(BackendChoice(name="passthrough", width_px=64, height_px=48))
    assert (passthrough.name, passthrough.width_px, passthrough.height_px) == ("passthrough", 64, 48)
    assert open_backend(BackendChoice(name="stylize")).name == "stylize"
