"""Contacts with others that are the car's fault, each accident once.

Two contacts are one if they are with the same actor within 5 s, or if the car is still within 5 m
of where the last one was counted. A car slower than 0.1 m/s is not to blame.
"""

from scoring.leaderboard import Event, EventType
from scoring.leaderboard.single import distance_m, to_single
from world.minitown.criteria.criterion import Verdict, place
from world.minitown.criteria.observation import Contact, Observation

SAME_PLACE_M = 5.0
SAME_ACTOR_S = 5.0
MIN_SPEED_MPS = 0.1
_LAYOUT_ID = 0  # Of everything that is not an actor; it says nothing about which thing was hit.
_TYPE_OF = {
    "vehicle": EventType.COLLISION_VEHICLE,
    "pedestrian": EventType.COLLISION_PEDESTRIAN,
    "layout": EventType.COLLISION_STATIC,
}


class Collision:
    """Counts accidents."""

    name = "collision"

    def __init__(self) -> None:
        self._actor_id: int | None = None
        self._at_s = 0.0
        self._at_m: tuple[float, float, float] | None = None
        self.verdict = Verdict.INIT
        self.events: list[Event] = []

    def tick(self, seen: Observation) -> None:
        """Count the new contacts, then forget the last one if it is long ago or far away."""
        for contact in seen.contacts:
            self._count(contact, seen)
        if self._at_m is not None and not self._is_same_place(seen):
            self._at_m = None
        if self._actor_id is not None and seen.t_s - self._at_s > SAME_ACTOR_S:
            self._actor_id = None

    def terminate(self) -> None:
        """No collision is a success."""
        if self.verdict is Verdict.INIT:
            self.verdict = Verdict.SUCCESS

    def _count(self, contact: Contact, seen: Observation) -> None:
        if contact.actor_id == self._actor_id or self._is_same_place(seen):
            return
        if seen.speed_mps < MIN_SPEED_MPS:
            return
        self.verdict = Verdict.FAILURE
        self._at_s, self._at_m = seen.t_s, _here(seen)
        if contact.actor_id != _LAYOUT_ID:
            self._actor_id = contact.actor_id
        message = (
            f"Agent collided against object with type={contact.type_id} and id={contact.actor_id} "
            f"at {place(seen.x_m, seen.y_m, seen.z_m)}"
        )
        self.events.append(Event(type=_TYPE_OF[contact.kind], message=message))

    def _is_same_place(self, seen: Observation) -> bool:
        if self._at_m is None:
            return False
        return distance_m(_here(seen), self._at_m) <= SAME_PLACE_M


def _here(seen: Observation) -> tuple[float, float, float]:
    return to_single(seen.x_m), to_single(seen.y_m), to_single(seen.z_m)
