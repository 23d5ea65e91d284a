"""A scenario ready to be played: world axes, motions computed, triggers resolved."""

from dataclasses import dataclass

from world.actors import ActorKind
from world.axes import world_point, world_yaw
from world.scenario.model import Entity, ScenarioFile, Trigger
from world.scenario.path import Motion, motion_of

_TYPE_IDS = {
    ActorKind.PEDESTRIAN: "walker.pedestrian.minitown",
    ActorKind.BICYCLE: "vehicle.minitown.bicycle",
    ActorKind.OBSTACLE: "static.prop.obstacle",
    ActorKind.EMERGENCY_WORKER: "walker.pedestrian.worker",
}
_LONG_VEHICLE_M = 5.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Player:
    """The player's start, world axes."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """One entity: what it looks like, how it moves, and the wave it waits for (-1: none)."""

    name: str
    kind: ActorKind
    type_id: str
    rgb: tuple[int, int, int]
    length_m: float
    width_m: float
    height_m: float
    motion: Motion
    wave: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A whole scenario.

    Attributes:
        id: Its id.
        name: For people.
        description: What to do in it.
        duration_s: When it is over.
        player: Where the player starts.
        roles: Its entities.
        triggers: One per wave.
        condition: `no_collision`, `reach_position` or `survive_duration`.
        target: World X, Y and radius to be reached, or None.
        holds_green: The lights on the player's way are green while it plays.
        next_id: The scenario that follows, or None.
    """

    id: str
    name: str
    description: str
    duration_s: float
    player: Player
    roles: tuple[Role, ...]
    triggers: tuple[Trigger, ...]
    condition: str
    target: tuple[float, float, float] | None
    holds_green: bool
    next_id: str | None


def stage(file: ScenarioFile) -> Scenario:
    """Make a checked file ready to be played."""
    spawn, target = file.player_spawn, file.success_condition.target
    x_m, y_m = world_point(spawn.x, spawn.z)
    wave_of = {name: number for number, wave in enumerate(file.waves) for name in wave.entities}
    return Scenario(
        id=file.id,
        name=file.name,
        description=file.description,
        duration_s=file.duration,
        player=Player(x_m=x_m, y_m=y_m, yaw_rad=world_yaw(spawn.rotation), speed_mps=spawn.initial_speed),
        roles=tuple(_role(entity, wave_of.get(entity.id, -1)) for entity in file.entities),
        triggers=tuple(wave.trigger for wave in file.waves),
        condition=file.success_condition.type,
        target=None if target is None else (*world_point(target.x, target.z), target.radius),
        holds_green=file.signals == "playerGreen",
        next_id=file.next,
    )


def _role(entity: Entity, wave: int) -> Role:
    kind = ActorKind(entity.type)
    long = entity.dimensions.depth > _LONG_VEHICLE_M
    type_id = _TYPE_IDS.get(kind, "vehicle.minitown.truck" if long else "vehicle.minitown.car")
    red, green, blue = (int(entity.color[k : k + 2], 16) for k in (1, 3, 5))
    return Role(
        name=entity.id,
        kind=kind,
        type_id=type_id,
        rgb=(red, green, blue),
        length_m=entity.dimensions.depth,
        width_m=entity.dimensions.width,
        height_m=entity.dimensions.height,
        motion=motion_of(entity),
        wave=wave,
    )
