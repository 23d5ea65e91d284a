"""Trigonometry with the same bits everywhere, and the two frames."""

import math

from hypothesis import given
from hypothesis import strategies as st

from world import trig
from world.axes import game_point, game_rotation, world_point, world_yaw

angles = st.floats(-1e4, 1e4)
values = st.floats(-1e6, 1e6)


@given(angles)
def test_sine_and_cosine_agree_with_the_maths_library(angle: float) -> None:
    sin, cos = trig.sin_cos(angle)
    assert abs(sin - math.sin(angle)) < 1e-12 + 1e-15 * abs(angle)
    assert abs(cos - math.cos(angle)) < 1e-12 + 1e-15 * abs(angle)


@given(values, values)
def test_the_angle_of_a_vector_agrees_with_the_maths_library(y: float, x: float) -> None:
    assert abs(trig.wrap(trig.atan2(y, x) - math.atan2(y, x))) < 1e-12


@given(angles)
def test_a_wrapped_angle_is_the_same_direction(angle: float) -> None:
    wrapped = trig.wrap(angle)
    assert -math.pi - 1e-9 <= wrapped <= math.pi + 1e-9
    assert math.isclose(math.cos(wrapped), math.cos(angle), abs_tol=1e-9)


def test_known_bits() -> None:
    # Recorded once; another machine must give the same.
    assert trig.sin(1.0).hex() == "0x1.aed548f090ceep-1"
    assert trig.cos(2.5).hex() == "-0x1.9a2f7ef858b7dp-1"
    assert trig.atan2(1.0, -3.0).hex() == "0x1.68f095fdf593cp+1"


@given(values, values)
def test_points_go_there_and_back(x: float, z: float) -> None:
    assert game_point(*world_point(x, z)) == (x, z)


def test_facing_plus_z_in_the_game_is_driving_towards_minus_x() -> None:
    yaw = world_yaw(math.pi)
    assert math.isclose(math.cos(yaw), -1.0)
    assert game_rotation(yaw) == math.pi
    # Right of somebody who faces +Z in the game is -x there, and -Y here.
    assert world_point(-229.41, -533.0) == (533.0, -229.41)
