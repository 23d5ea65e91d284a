"""Where everybody will be: boxes of all actors over the next seconds.

A staged scenario's entities follow their script, which a privileged driver may read; background
traffic is taken to keep its speed and to follow its lane.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from world import trig
from world.actors import ActorKind

if TYPE_CHECKING:
    from world.minitown.simulator import Simulator

Floats = npt.NDArray[np.float64]
STEP_S = 0.25
STEPS = 20
TIMES_S = tuple(STEP_S * (number + 1) for number in range(STEPS))
_WITHIN_M = 70.0
_TRAFFIC_DOUBT_MPS = 0.35


@dataclass(frozen=True, kw_only=True)
class Forecast:
    """Predicted boxes; `(A, T)` over actors and `TIMES_S` unless noted.

    Attributes:
        x_m: Centres; far away (1e6) while an actor is not there.
        y_m: Centres.
        cos: Of the heading.
        sin: Of the heading.
        half_length_m: `(A, 1)`.
        half_width_m: `(A, 1)`.
        soft: `(A,) bool`, people: keep more distance.
        doubt_mps: `(A,)`, how fast the forecast grows uncertain.
    """

    x_m: Floats
    y_m: Floats
    cos: Floats
    sin: Floats
    half_length_m: Floats
    half_width_m: Floats
    soft: npt.NDArray[np.bool_]
    doubt_mps: Floats

    def __len__(self) -> int:
        return len(self.x_m)


_Row = tuple[list[float], list[float], list[float], list[float], float, float, bool, float]


def forecast(sim: "Simulator") -> Forecast:
    """Forecast everything near the car."""
    rows = [*_traffic_rows(sim), *_scenario_rows(sim)]
    columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * 8
    shape = (len(rows), STEPS)
    return Forecast(
        x_m=np.array(columns[0], np.float64).reshape(shape),
        y_m=np.array(columns[1], np.float64).reshape(shape),
        cos=np.array(columns[2], np.float64).reshape(shape),
        sin=np.array(columns[3], np.float64).reshape(shape),
        half_length_m=np.array(columns[4], np.float64).reshape(-1, 1),
        half_width_m=np.array(columns[5], np.float64).reshape(-1, 1),
        soft=np.array(columns[6], np.bool_),
        doubt_mps=np.array(columns[7], np.float64),
    )


def _traffic_rows(sim: "Simulator") -> list[_Row]:
    car = sim.car
    ego_sin, ego_cos = trig.sin_cos(car.yaw_rad)
    rows: list[_Row] = []
    for actor in sim.traffic.actors:
        dx, dy = actor.x_m - car.x_m, actor.y_m - car.y_m
        if dx * dx + dy * dy > _WITHIN_M * _WITHIN_M:
            continue
        sin, cos = trig.sin_cos(actor.yaw_rad)
        # Who drives behind us keeps his distance himself.
        behind = dx * ego_cos + dy * ego_sin < -3.0 and cos * ego_cos + sin * ego_sin > 0.5
        if behind and actor.kind is ActorKind.VEHICLE:
            continue
        path = sim.traffic.path_ahead(actor, TIMES_S)
        angles = [trig.sin_cos(yaw) for _, _, yaw in path]
        rows.append(
            (
                [x for x, _, _ in path],
                [y for _, y, _ in path],
                [c for _, c in angles],
                [s for s, _ in angles],
                actor.length_m / 2,
                actor.width_m / 2,
                actor.kind is ActorKind.PEDESTRIAN,
                _TRAFFIC_DOUBT_MPS if actor.speed_mps > 0.3 else 0.0,
            )
        )
    return rows


def _scenario_rows(sim: "Simulator") -> list[_Row]:
    run = sim.scenario
    if run is None:
        return []
    futures = [run.future(sim.scenario_t_s + ahead_s) for ahead_s in TIMES_S]
    rows: dict[int, _Row] = {}
    for step, boxes in enumerate(futures):
        for actor in boxes:
            row = rows.get(actor.actor_id)
            if row is None:
                away = [1e6] * STEPS
                person = actor.kind in (ActorKind.PEDESTRIAN, ActorKind.EMERGENCY_WORKER, ActorKind.BICYCLE)
                row = (
                    away,
                    away[:],
                    [1.0] * STEPS,
                    [0.0] * STEPS,
                    actor.length_m / 2,
                    actor.width_m / 2,
                    person,
                    0.0,
                )
                rows[actor.actor_id] = row
            sin, cos = trig.sin_cos(actor.yaw_rad)
            row[0][step], row[1][step], row[2][step], row[3][step] = actor.x_m, actor.y_m, cos, sin
    return list(rows.values())
