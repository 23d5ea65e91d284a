"""The rules of a scenario file that a schema cannot say."""

import itertools
from collections.abc import Iterator

from world.scenario.errors import ScenarioError
from world.scenario.model import Entity, ScenarioFile, Wave

_JOIN_M = 0.01


def check_scenario(file: ScenarioFile) -> None:
    """Refuse what cannot be played.

    Raises:
        ScenarioError: With the first problem found.
    """
    for problem in _problems(file):
        raise ScenarioError(file.id, problem)


def _problems(file: ScenarioFile) -> Iterator[str]:
    ids = [entity.id for entity in file.entities]
    yield from (
        f"entities: id {name!r} is used twice" for name in sorted({n for n in ids if ids.count(n) > 1})
    )
    condition = file.success_condition
    if condition.type == "reach_position" and condition.target is None:
        yield "successCondition.target: missing; reach_position needs one"
    if condition.type != "reach_position" and condition.target is not None:
        yield f"successCondition.target: {condition.type} has none; remove it"
    for entity in file.entities:
        yield from _entity_problems(entity)
    staged: set[str] = set()
    for wave in file.waves:
        yield from _wave_problems(wave, set(ids), staged)
        staged |= set(wave.entities)


def _entity_problems(entity: Entity) -> Iterator[str]:
    where = f"entities.{entity.id}"
    if (entity.trajectory is None) == (entity.path is None):
        yield f"{where}: needs either a trajectory or a path"
    points = entity.trajectory or []
    for before, after in itertools.pairwise(points):
        if after.time <= before.time:
            yield f"{where}.trajectory: time {after.time:g} s comes after {before.time:g} s; times must rise"
    segments = entity.path.segments if entity.path else []
    for number, segment in enumerate(segments):
        wanted = 2 if segment.type == "line" else 4
        if len(segment.points) != wanted:
            found = f"{segment.type} has {len(segment.points)} points, not {wanted}"
            yield f"{where}.path.segments.{number}: {found}"
    for number, (one, other) in enumerate(itertools.pairwise(segments)):
        (ax, az), (bx, bz) = one.points[-1], other.points[0]
        if abs(ax - bx) > _JOIN_M or abs(az - bz) > _JOIN_M:
            yield f"{where}.path.segments.{number + 1}: begins elsewhere than segment {number} ends"


def _wave_problems(wave: Wave, ids: set[str], staged: set[str]) -> Iterator[str]:
    where = f"waves.{wave.id}"
    for name in wave.entities:
        if name not in ids:
            yield f"{where}: there is no entity {name!r}"
        if name in staged:
            yield f"{where}: entity {name!r} is in an earlier wave, too"
    trigger = wave.trigger
    if trigger.type == "distance":
        if (trigger.place is None) == (trigger.entity is None):
            yield f"{where}.trigger: needs either a place or an entity"
        if trigger.entity is not None and trigger.entity not in ids:
            yield f"{where}.trigger: there is no entity {trigger.entity!r}"
    if trigger.type == "position" and not (
        trigger.low[0] < trigger.high[0] and trigger.low[1] < trigger.high[1]
    ):
        yield f"{where}.trigger: low must lie below high in x and z"
