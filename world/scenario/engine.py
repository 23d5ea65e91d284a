"""Plays a scenario: entities move on the simulation's clock, waves fire, an outcome is decided.

The caller says where the player is and what it newly touched; a contact is one event however long
it lasts. Entities not yet begun or whose wave has not fired are not there.
"""

from enum import StrEnum

from world import trig
from world.actors import Actor
from world.axes import world_point
from world.scenario.model import Trigger
from world.scenario.path import Pose
from world.scenario.stage import Role, Scenario


class Outcome(StrEnum):
    """How a scenario ended."""

    WON = "won"
    LOST = "lost"
    TIMEOUT = "timeout"


class ScenarioRun:
    """One play of a scenario.

    Attributes:
        scenario: What is played.
        outcome: None while it is undecided.
        over: Its time is up; nothing of it is there any more.
        contacts: Contact events of the player.
        actors: The entities that are there now.
    """

    def __init__(
        self, scenario: Scenario, *, first_actor_id: int = 1000, freeze_on_loss: bool = False
    ) -> None:
        """Begin a scenario.

        Args:
            scenario: What to play.
            first_actor_id: Its entities get ids from here on, in file order.
            freeze_on_loss: Entities stand still once it is lost (the game does that).
        """
        self.scenario = scenario
        self.outcome: Outcome | None = None
        self.over = False
        self.contacts = 0
        self.actors: list[Actor] = []
        self._freeze = freeze_on_loss
        self._fired_s: list[float | None] = [None] * len(scenario.triggers)
        self._own = [_actor(role, first_actor_id + number) for number, role in enumerate(scenario.roles)]

    @property
    def state(self) -> str:
        """`playing`, or the outcome."""
        return "playing" if self.outcome is None else self.outcome.value

    def step(self, t_s: float, player_x_m: float, player_y_m: float) -> None:
        """Move to a time of the scenario.

        Args:
            t_s: Seconds since its start; must not fall.
            player_x_m: World X of the player.
            player_y_m: World Y.
        """
        if t_s >= self.scenario.duration_s:
            self._run_out(player_x_m, player_y_m)
            return
        for number, trigger in enumerate(self.scenario.triggers):
            if self._fired_s[number] is None and self._fires(trigger, t_s, player_x_m, player_y_m):
                self._fired_s[number] = trigger.time if trigger.type == "time" else t_s
        if not (self._freeze and self.outcome is Outcome.LOST):
            self.actors = self._place(self._own, t_s)
        if self.outcome is None and self._has_reached(player_x_m, player_y_m):
            self.outcome = Outcome.WON

    def count_contacts(self, new: int) -> None:
        """The player newly touched something."""
        self.contacts += new
        if new and self.outcome is None and self.scenario.condition == "no_collision":
            self.outcome = Outcome.LOST

    def future(self, t_s: float) -> list[Actor]:
        """All entities at another time, for drivers that may know: new actors, same ids.

        Waves that wait for the player are left out until they have fired.
        """
        if t_s >= self.scenario.duration_s:
            return []
        copies = [
            _actor(role, own.actor_id) for role, own in zip(self.scenario.roles, self._own, strict=True)
        ]
        return self._place(copies, t_s)

    def pose_at(self, name: str, t_s: float) -> Pose | None:
        """World X, Y, yaw and speed of an entity at a time; None while it is not there."""
        role = next(role for role in self.scenario.roles if role.name == name)
        return self._pose(role, t_s)

    def _place(self, actors: list[Actor], t_s: float) -> list[Actor]:
        present = []
        for role, actor in zip(self.scenario.roles, actors, strict=True):
            pose = self._pose(role, t_s)
            if pose is None:
                continue
            x_m, y_m, yaw_rad, speed = pose
            actor.braking = speed < actor.speed_mps - 0.05 or speed == 0.0
            actor.x_m, actor.y_m, actor.yaw_rad, actor.speed_mps = x_m, y_m, yaw_rad, speed
            present.append(actor)
        return present

    def _pose(self, role: Role, t_s: float) -> Pose | None:
        if role.wave < 0:
            return role.motion.at(t_s)
        fired_s = self._fired_s[role.wave]
        trigger = self.scenario.triggers[role.wave]
        if fired_s is None and trigger.type == "time":
            fired_s = trigger.time
        return None if fired_s is None else role.motion.at(t_s - fired_s)

    def _fires(self, trigger: Trigger, t_s: float, x_m: float, y_m: float) -> bool:
        if trigger.type == "time":
            return t_s >= trigger.time
        if trigger.type == "position":
            low_x, high_y = world_point(*trigger.high)
            high_x, low_y = world_point(*trigger.low)
            return low_x <= x_m <= high_x and low_y <= y_m <= high_y
        if trigger.place is not None:
            to_x, to_y = world_point(*trigger.place)
        else:
            pose = self.pose_at(trigger.entity or "", t_s)
            if pose is None:
                return False
            to_x, to_y = pose[0], pose[1]
        return trig.hypot(to_x - x_m, to_y - y_m) <= trigger.within

    def _has_reached(self, x_m: float, y_m: float) -> bool:
        target = self.scenario.target
        return target is not None and trig.hypot(target[0] - x_m, target[1] - y_m) < target[2]

    def _run_out(self, x_m: float, y_m: float) -> None:
        self.over, self.actors = True, []
        if self.outcome is None:
            reached = self.scenario.condition != "reach_position" or self._has_reached(x_m, y_m)
            self.outcome = Outcome.WON if reached else Outcome.TIMEOUT


def _actor(role: Role, actor_id: int) -> Actor:
    return Actor(
        actor_id=actor_id,
        kind=role.kind,
        type_id=role.type_id,
        x_m=0.0,
        y_m=0.0,
        yaw_rad=0.0,
        length_m=role.length_m,
        width_m=role.width_m,
        height_m=role.height_m,
        rgb=role.rgb,
    )
