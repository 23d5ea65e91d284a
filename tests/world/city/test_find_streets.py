import numpy as np
import pytest

from world.city.file import StreetEntry
from world.city.streets import find_streets

Box = tuple[float, float, float, float]
SIZE_M = 600.0


def found(boxes: list[Box]) -> list[StreetEntry]:
    return find_streets(np.array(boxes, dtype=np.float64), width_m=SIZE_M, depth_m=SIZE_M)


def blocks(edges_x: list[float], edges_z: list[float]) -> list[Box]:
    """Solid blocks between the given pairs of edges."""
    columns = list(zip(edges_x[::2], edges_x[1::2], strict=True))
    rows = list(zip(edges_z[::2], edges_z[1::2], strict=True))
    return [(x0, z0, x1, z1) for x0, x1 in columns for z0, z1 in rows]


# Corridors along z at -93 (14 m) and 105.5 (25 m), along x at 1 (18 m).
GRID = blocks([-300, -100, -86, 93, 118, 300], [-300, -8, 10, 300])


def test_gaps_between_blocks_are_streets() -> None:
    streets = found(GRID)
    assert [(s.axis, s.center, s.width) for s in streets] == [("z", -93, 14), ("z", 105.5, 25), ("x", 1, 18)]
    assert all((street.start, street.end) == (-300, 300) for street in streets)
    assert streets[0].interrupts == [(-8, 10)]
    assert streets[2].interrupts == [(-100, -86), (93, 118)]


@pytest.mark.parametrize("width", [6.0, 44.0])
def test_passages_and_squares_are_no_streets(width: float) -> None:
    edges = [-300, -width / 2, width / 2, 300.0]
    streets = found(blocks(edges, [-300, -8, 10, 300]))
    assert [street.axis for street in streets] == []


def test_free_ground_at_the_maps_edge_is_no_street() -> None:
    streets = found(blocks([-280, -100, -86, 300], [-300, -8, 10, 300]))
    assert [(street.axis, street.center) for street in streets] == [("z", -93), ("x", 1)]


def test_a_blocked_street_ends_at_its_last_crossing() -> None:
    streets = found([*GRID, (-100, 60, -86, 120)])
    ends = {(s.axis, s.center): (s.start, s.end) for s in streets}
    assert ends["z", -93] == (-300, 10)


def test_a_footbridge_does_not_end_a_street() -> None:
    streets = found([*GRID, (-100, 60, -86, 66)])
    assert (streets[0].start, streets[0].end) == (-300, 300)


def test_a_gap_that_meets_no_other_is_no_street() -> None:
    assert found(blocks([-300, -100, -86, 300], [-300, 300])) == []


def test_forecourts_do_not_widen_a_street() -> None:
    boxes = blocks([-300, -100, -86, 300], [-300, -8, 10, 300])
    boxes = [(x0, z0, x1 - 4 if x1 == -100 and z0 < 0 else x1, z1) for x0, z0, x1, z1 in boxes]
    assert (found(boxes)[0].center, found(boxes)[0].width) == (-93, 14)
