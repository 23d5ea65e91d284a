"""What a painter may get wrong, planted where it is known: somebody appears, somebody vanishes, a wall moves.

A hallucination is a difference between what the game's camera saw and what was painted, so it is made by
drawing the two pictures of different worlds. It lasts the middle third of the recording.

- `appears`: a van ahead is in the painting and not in the game.
- `vanishes`: the same van is in the game and not in the painting.
- `shifted`: the painting shows the street from two metres further right, turned by 0.12 rad.
"""

import math
from dataclasses import replace

from world.actors import Actor, ActorKind
from world.camera.views import CameraPose
from world.recorder.drive import Moment
from world.recorder.spec import Hallucination

BEGINS, ENDS = 1 / 3, 2 / 3
_AHEAD_M, _ASIDE_M = 11.0, 1.5
_SHIFT_M, _TURN_RAD = 2.0, 0.12
_VAN_ID = 2**31 - 1


def is_hallucinated(kind: Hallucination, share: float) -> bool:
    """Whether painting and game differ at a share of the recording, which is in [0, 1)."""
    return kind != "none" and BEGINS <= share < ENDS


def seen_by_game(
    kind: Hallucination, share: float, pose: CameraPose, moment: Moment
) -> tuple[CameraPose, Moment]:
    """The world that the game draws."""
    return (pose, _with_van(pose, moment)) if _at(kind, share, "vanishes") else (pose, moment)


def seen_by_painter(
    kind: Hallucination, share: float, pose: CameraPose, moment: Moment
) -> tuple[CameraPose, Moment]:
    """The world that the painter paints."""
    if _at(kind, share, "appears"):
        return pose, _with_van(pose, moment)
    if _at(kind, share, "shifted"):
        x_m, y_m = _beside(pose, 0.0, _SHIFT_M)
        return replace(pose, x_m=x_m, y_m=y_m, yaw_rad=pose.yaw_rad + _TURN_RAD), moment
    return pose, moment


def _at(kind: Hallucination, share: float, which: Hallucination) -> bool:
    return kind == which and is_hallucinated(kind, share)


def _with_van(pose: CameraPose, moment: Moment) -> Moment:
    x_m, y_m = _beside(pose, _AHEAD_M, _ASIDE_M)
    van = Actor(
        actor_id=_VAN_ID,
        kind=ActorKind.VEHICLE,
        type_id="vehicle.minitown.van",
        x_m=x_m,
        y_m=y_m,
        yaw_rad=pose.yaw_rad,
        length_m=5.5,
        width_m=2.2,
        height_m=2.4,
        rgb=(226, 226, 220),
    )
    return replace(moment, actors=(*moment.actors, van))


def _beside(pose: CameraPose, ahead_m: float, right_m: float) -> tuple[float, float]:
    """A place relative to the camera, in world axes."""
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    return pose.x_m + cos * ahead_m - sin * right_m, pose.y_m + sin * ahead_m + cos * right_m
