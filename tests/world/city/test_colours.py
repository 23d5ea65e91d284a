from hypothesis import given
from hypothesis import strategies as st

from world.city.colours import MATERIALS, tier_of, wall_colours


def test_tiers_include_their_upper_bound() -> None:
    assert [tier_of(height) for height in (0.1, 30.0, 30.1, 60.0, 150.0, 200.0, 200.1)] == [
        0,
        0,
        1,
        1,
        3,
        4,
        5,
    ]


def test_all_36_materials_differ() -> None:
    assert len({colour for tier in MATERIALS for colour in tier}) == 36


def test_six_neighbours_get_six_colours() -> None:
    places = [(index * 1_000, 0) for index in range(6)]
    assert len(set(wall_colours(places, [20.0] * 6))) == 6


def test_parts_of_one_building_share_a_colour() -> None:
    colours = wall_colours([(0, 0), (500, 0), (1_000, 0)], [20.0, 20.0, 20.0], groups=[4, 4, 7])
    assert colours[0] == colours[1] != colours[2]


@given(
    st.lists(
        st.tuples(st.integers(-9_999, 9_999), st.integers(-9_999, 9_999), st.floats(1, 400)), max_size=40
    )
)
def test_every_wall_has_a_material_of_its_height(places: list[tuple[int, int, float]]) -> None:
    heights = [height for _, _, height in places]
    colours = wall_colours([(x, z) for x, z, _ in places], heights)
    assert all(colour in MATERIALS[tier_of(height)] for colour, height in zip(colours, heights, strict=True))
