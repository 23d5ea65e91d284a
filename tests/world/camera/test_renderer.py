"""The ego view against geometry: where things must appear, what hides what, light and fog."""

import math
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from world.actors import Actor, ActorKind
from world.camera import CameraPose, LightView, Renderer
from world.camera.renderer import CameraSizeError
from world.city.model import Building, City, Street
from world.minitown.town import load_town
from world.streets.build import build_network

Picture = npt.NDArray[np.uint8]
WALL_RGB = (200, 40, 160)


def block(x0: float, x1: float, y0: float, y1: float, height: float, rgb: tuple[int, int, int]) -> Building:
    """A box; its ring runs clockwise seen from above."""
    ring = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    return Building(outline_m=ring, height_m=height, rgb=rgb)


def city_of(*buildings: Building) -> City:
    streets = (
        Street(direction="x", centre_m=0.0, width_m=14.0, start_m=-300.0, end_m=300.0),
        Street(direction="y", centre_m=0.0, width_m=14.0, start_m=-300.0, end_m=300.0),
    )
    return City(
        width_m=600.0, depth_m=600.0, tile_m=(600.0, 600.0), ground_rgb=(90, 90, 90), sky_rgb=(140, 190, 230),
        grid_angle_deg=29.0,
        buildings=buildings, streets=streets, content_hash=f"test-{len(buildings)}-{id(buildings)}",
    )  # fmt: skip


def renderer_of(city: City, width: int = 256, height: int = 256, **changes: float) -> Renderer:
    return Renderer(city, build_network(city), width_px=width, height_px=height, **changes)  # type: ignore[arg-type]


def magenta(picture: Picture) -> npt.NDArray[np.bool_]:
    """Pixels in which green is clearly the weakest, as in the wall's colour and nothing else."""
    red, green, blue = (picture[..., k].astype(int) for k in range(3))
    return np.asarray((red - green > 40) & (blue - green > 30), np.bool_)


FAR = block(-200.0, -190.0, -200.0, -190.0, 5.0, (100, 100, 100))
WALL = block(30.0, 40.0, -5.0, 5.0, 12.0, WALL_RGB)
POSE = CameraPose(x_m=0.0, y_m=0.0, yaw_rad=0.0, z_m=1.6)


def test_a_wall_appears_where_the_pinhole_says() -> None:
    picture = renderer_of(city_of(WALL, FAR)).render(POSE)
    rows, columns = np.nonzero(magenta(picture))
    focal = 128 / math.tan(math.radians(37.5))
    assert columns.min() == pytest.approx(128 - focal * 5 / 30, abs=1.5)
    assert columns.max() == pytest.approx(128 + focal * 5 / 30, abs=1.5)
    assert rows.min() == pytest.approx(128 - focal * (12 - 1.6) / 30, abs=1.5)
    assert rows.max() == pytest.approx(128 + focal * 1.6 / 30, abs=1.5)


def test_a_horizontal_field_of_view_sets_the_width() -> None:
    city = city_of(WALL, FAR)
    network = build_network(city)
    picture = Renderer(
        city, network, width_px=400, height_px=200, fov_deg=90.0, fov_axis="horizontal"
    ).render(POSE)
    _, columns = np.nonzero(magenta(picture))
    assert columns.max() - columns.min() == pytest.approx(200 * 10 / 30, abs=3)


def test_a_nearer_building_hides_a_farther_one() -> None:
    behind = block(60.0, 70.0, -5.0, 5.0, 10.0, WALL_RGB)
    front = block(20.0, 30.0, -8.0, 8.0, 20.0, (120, 120, 120))
    assert magenta(renderer_of(city_of(behind, FAR)).render(POSE)).any()
    assert not magenta(renderer_of(city_of(behind, front, FAR)).render(POSE)).any()


def car_at(x_m: float, y_m: float = 0.0) -> Actor:
    return Actor(
        actor_id=5,
        kind=ActorKind.VEHICLE,
        type_id="vehicle.x",
        x_m=x_m,
        y_m=y_m,
        yaw_rad=0.0,
        rgb=WALL_RGB,
    )


def test_a_car_appears_where_the_pinhole_says_and_a_building_hides_it() -> None:
    picture = renderer_of(city_of(FAR)).render(POSE, [car_at(22.0)])
    rows, columns = np.nonzero(magenta(picture))
    focal = 128 / math.tan(math.radians(37.5))
    assert columns.mean() == pytest.approx(128, abs=2)
    assert columns.max() - columns.min() == pytest.approx(focal * 2 / 20, abs=3)
    assert rows.max() < 128 + focal * 1.6 / 20 + 1
    front = block(10.0, 14.0, -6.0, 6.0, 20.0, (120, 120, 120))
    assert not magenta(renderer_of(city_of(front, FAR)).render(POSE, [car_at(22.0)])).any()


@pytest.mark.parametrize("kind", list(ActorKind))
def test_every_kind_of_actor_can_be_seen(kind: ActorKind) -> None:
    renderer = renderer_of(city_of(FAR))
    empty = renderer.render(POSE)
    actor = replace(car_at(12.0, 1.0), kind=kind, length_m=1.0, width_m=0.6, height_m=1.7)
    changed = (renderer.render(POSE, [actor]) != empty).any(axis=2).sum()
    assert changed > 60


@pytest.mark.parametrize(("state", "channel"), [("red", 0), ("green", 1)])
def test_a_light_is_seen_from_40_m(state: str, channel: int) -> None:
    renderer = renderer_of(city_of(FAR))
    light = LightView(x_m=40.0, y_m=3.5, yaw_rad=0.0, state=state)  # type: ignore[arg-type]
    picture = renderer.render(POSE, [], [light]).astype(int)
    others = [k for k in range(3) if k != channel]
    lit = (picture[..., channel] > 220) & (picture[..., others].max(axis=2) < 120)
    assert lit.sum() >= 4


def test_lights_for_the_other_direction_are_not_shown() -> None:
    renderer = renderer_of(city_of(FAR))
    light = LightView(x_m=40.0, y_m=3.5, yaw_rad=math.pi, state="red")
    assert (renderer.render(POSE, [], [light]) == renderer.render(POSE)).all()


def test_fog_takes_contrast_away() -> None:
    # Red less green at the wall's foot: the wall's own colour, which fog has not.
    colour = []
    for density in (0.0, 30.0, 90.0):
        red, green, _ = (
            renderer_of(city_of(WALL, FAR), fog_density=density).render(POSE)[132, 128].astype(int)
        )
        colour.append(red - green)
    assert colour[0] > colour[1] > colour[2]


def test_dusk_is_darker_than_noon() -> None:
    noon, dusk = (
        renderer_of(city_of(WALL, FAR), sun_altitude_deg=angle).render(POSE)[140:].mean()
        for angle in (60.0, 0.0)
    )
    assert dusk < 0.8 * noon


def test_the_centre_line_leads_to_the_vanishing_point() -> None:
    picture = renderer_of(city_of(FAR), 640, 360).render(CameraPose(x_m=-150.0, y_m=3.5, yaw_rad=0.0))
    red, green, blue = (picture[..., k].astype(int) for k in range(3))
    rows, columns = np.nonzero((red - blue > 70) & (green - blue > 30))
    slope, at_horizon = np.polyfit(rows - 180.0, columns, 1)
    assert at_horizon == pytest.approx(320.0, abs=6.0)
    assert slope == pytest.approx(-3.5 / 1.6, rel=0.06)


@pytest.mark.parametrize("size", [(256, 256), (1280, 720), (64, 48), (200, 88)])
def test_every_size_is_made(size: tuple[int, int]) -> None:
    town = load_town()
    picture = town.renderer(width_px=size[0], height_px=size[1]).render(
        CameraPose(x_m=500.0, y_m=-229.0, yaw_rad=math.pi)
    )
    assert picture.shape == (size[1], size[0], 3)
    assert picture.std() > 10


def test_the_same_view_is_the_same_bytes_and_strange_places_do_not_fail() -> None:
    renderer = load_town().renderer(width_px=128, height_px=128)
    building = load_town().city.buildings[100].outline_m.mean(axis=0)
    for x_m, y_m, yaw in ((5_000.0, 0.0, 0.0), (0.0, -5_000.0, 2.0), (*building.tolist(), 1.0)):
        pose = CameraPose(x_m=x_m, y_m=y_m, yaw_rad=yaw)
        assert (renderer.render(pose) == renderer.render(pose)).all()


def test_a_size_out_of_range_is_refused() -> None:
    with pytest.raises(CameraSizeError, match="width_px is 0"):
        renderer_of(city_of(FAR), width=0)
