from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from world.city.errors import CityError
from world.city.model import Building, City, Street
from world.city.picture import draw_map, write_map


def town() -> City:
    return City(
        width_m=200.0,
        depth_m=100.0,
        tile_m=(100.0, 200.0),
        ground_rgb=(58, 58, 58),
        sky_rgb=(135, 206, 235),
        grid_angle_deg=29.0,
        buildings=(
            # North-east quarter: world X up, Y right.
            Building(
                outline_m=np.array([[10.0, 60.0], [40.0, 60.0], [40.0, 90.0], [10.0, 90.0]]),
                height_m=300.0,
                rgb=(1, 2, 3),
            ),
        ),
        streets=(
            Street(direction="x", centre_m=0.0, width_m=14.0, start_m=-50.0, end_m=50.0),
            Street(direction="y", centre_m=0.0, width_m=10.0, start_m=-100.0, end_m=100.0),
        ),
        content_hash="0123456789abcdef",
    )


def brightness(page: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], x_m: float, y_m: float) -> float:
    row, column = 36 + round((50 - x_m) * 2), 36 + round((y_m + 100) * 2)
    return float(page[row, column].mean())


def test_the_map_shows_buildings_where_they_stand() -> None:
    page = draw_map(town(), size_px=400)
    assert page.dtype == np.uint8
    assert page.shape[1] == 400 + 2 * 36
    tower, road, pavement = (brightness(page, *place) for place in ((25, 75), (30, 4), (-30, -60)))
    assert tower < road - 60 < pavement - 80


def test_a_picture_is_written(tmp_path: Path) -> None:
    write_map(town(), tmp_path / "map.png", size_px=300)
    assert cv2.imread(str(tmp_path / "map.png")) is not None


@pytest.mark.parametrize("name", ["map.foo", "missing/map.png"])
def test_a_picture_that_cannot_be_written_is_one_clear_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(CityError, match=r"map\.(foo|png)"):
        write_map(town(), tmp_path / name, size_px=200)


def test_a_narrow_city_has_room_for_its_legend() -> None:
    narrow = replace(town(), width_m=2.0, depth_m=2_000.0)
    assert draw_map(narrow, size_px=200).shape[1] > 400
