"""Street pictures with vehicles whose boxes are known: drawn in minitown, boxes from its geometry."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gpu_services.generation.clips import Clips
from gpu_services.generation.detector import Boxes
from world.actors import Actor, ActorKind
from world.camera.lens import Lens, camera_frame
from world.camera.views import CameraPose
from world.minitown.routes import load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import Town, load_town

_FOV_DEG = 75.0
_EYE_M = 1.6
_MIN_SIDE_PX = 3.0
_NEAREST_M, _FARTHEST_M = 6.0, 28.0
_ROUTE_SET = "minitown-12"


@dataclass(frozen=True, kw_only=True)
class BoxedPictures:
    """Pictures and where their vehicles are.

    Attributes:
        pictures: `(N, H, W, 3) uint8` RGB.
        boxes: N arrays `(n, 4)`: left, top, right, bottom in px.
    """

    pictures: Clips
    boxes: tuple[Boxes, ...]


def draw_boxed_pictures(count: int, *, side_px: int, seed: int, held_out: bool) -> BoxedPictures:
    """Draw street pictures with one to three vehicles ahead.

    Args:
        count: How many.
        side_px: Height and width.
        seed: Of places and vehicles.
        held_out: On the routes that are kept for testing; the others are for training.
    """
    town, rng = load_town(None), np.random.default_rng(seed)
    lens = Lens.of(side_px, side_px, _FOV_DEG, "vertical")
    renderer = town.renderer(width_px=side_px, height_px=side_px)
    routes = _points(town, held_out=held_out)
    pictures, boxes = [], []
    for _ in range(count):
        points, yaws = routes[int(rng.integers(len(routes)))]
        place = int(rng.integers(len(points) - 1))
        pose = CameraPose(
            x_m=float(points[place][0]), y_m=float(points[place][1]), z_m=_EYE_M, yaw_rad=float(yaws[place])
        )
        actors = [_vehicle(number, pose, rng) for number in range(1, int(rng.integers(2, 5)))]
        pictures.append(renderer.render(pose, actors))
        boxes.append(_visible([_box(actor, pose, lens) for actor in actors], side_px))
    return BoxedPictures(pictures=np.stack(pictures), boxes=tuple(boxes))


@lru_cache(maxsize=2)
def _points(town: Town, *, held_out: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    """Points and headings of the routes of one half."""
    routes = load_route_set(_ROUTE_SET).routes
    chosen = [route for number, route in enumerate(routes) if (number % 3 == 0) == held_out]
    plans = [Simulator(town, route, vehicles=0, pedestrians=0).plan for route in chosen[:4]]
    return [(np.asarray(plan.points_m), np.asarray(plan.yaw_rad)) for plan in plans]


def _vehicle(number: int, pose: CameraPose, rng: np.random.Generator) -> Actor:
    forward, right = rng.uniform(_NEAREST_M, _FARTHEST_M), rng.uniform(-5.0, 5.0)
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    red, green, blue = (int(value) for value in rng.integers(30, 235, 3))
    return Actor(
        actor_id=number,
        kind=ActorKind.VEHICLE,
        type_id="vehicle.minitown.car",
        x_m=pose.x_m + forward * cos - right * sin,
        y_m=pose.y_m + forward * sin + right * cos,
        yaw_rad=pose.yaw_rad + float(rng.choice([0.0, math.pi])) + float(rng.normal(0, 0.1)),
        rgb=(red, green, blue),
    )


def _box(actor: Actor, pose: CameraPose, lens: Lens) -> tuple[float, float, float, float, float]:
    """Left, top, right, bottom in px and the nearest corner's distance in m."""
    along, across = actor.length_m / 2, actor.width_m / 2
    cos, sin = math.cos(actor.yaw_rad), math.sin(actor.yaw_rad)
    signs = np.array([(1, 1), (1, -1), (-1, 1), (-1, -1)])
    x_m = actor.x_m + signs[:, 0] * along * cos - signs[:, 1] * across * sin
    y_m = actor.y_m + signs[:, 0] * along * sin + signs[:, 1] * across * cos
    forward, right = camera_frame(pose, x_m, y_m)
    forward = np.maximum(forward, 0.5)
    columns, horizon = lens.columns(forward, right), lens.horizon_px(pose)
    top = horizon - lens.focal_px * (actor.height_m - pose.z_m) / forward
    bottom = horizon + lens.focal_px * pose.z_m / forward
    nearest = float(forward.min())
    return float(columns.min()), float(top.min()), float(columns.max()), float(bottom.max()), nearest


def _visible(found: list[tuple[float, float, float, float, float]], side_px: int) -> Boxes:
    """Boxes inside of the picture, large enough, and not hidden by a nearer one for more than half."""
    kept: list[Boxes] = []
    for left, top, right, bottom, _ in sorted(found, key=lambda box: box[4]):
        box = np.clip((left, top, right, bottom), 0, side_px).astype(np.float64)
        wide, high = box[2] - box[0], box[3] - box[1]
        if min(wide, high) < _MIN_SIDE_PX or any(_hidden(box, other) > 0.5 for other in kept):
            continue
        kept.append(box)
    return np.array(kept).reshape(-1, 4)


def _hidden(box: Boxes, nearer: Boxes) -> float:
    common = np.clip(np.minimum(box[2:], nearer[2:]) - np.maximum(box[:2], nearer[:2]), 0, None).prod()
    return float(common / max((box[2:] - box[:2]).prod(), 1e-9))
