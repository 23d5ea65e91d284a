"""Contacts as events: one when a car begins to touch an actor, however long it goes on touching."""

from collections.abc import Iterable

from world.actors import Actor
from world.collision.boxes import Box, BoxLike, boxes_touch

_APART_M = 0.3
_MAX_REACH_M = 12.0


class ContactTracker:
    """Remembers what one car touches.

    A contact ends when the boxes are `_APART_M` apart, so that a trembling pair is one event.
    """

    def __init__(self) -> None:
        self._held: dict[int, Actor] = {}
        self.touching: list[Actor] = []

    def update(self, car: BoxLike, actors: Iterable[Actor]) -> list[Actor]:
        """Take the new poses.

        Args:
            car: The car's box.
            actors: Everybody else.

        Returns:
            The actors whose contact began; `touching` holds all that overlap now.
        """
        x_m, y_m = car.x_m, car.y_m
        new: list[Actor] = []
        self.touching = []
        held: dict[int, Actor] = {}
        for actor in actors:
            if abs(actor.x_m - x_m) > _MAX_REACH_M or abs(actor.y_m - y_m) > _MAX_REACH_M:
                continue
            if boxes_touch(car, actor):
                self.touching.append(actor)
                held[actor.actor_id] = actor
                if actor.actor_id not in self._held:
                    new.append(actor)
            elif actor.actor_id in self._held and boxes_touch(_grown(car), actor):
                held[actor.actor_id] = actor
        self._held = held
        return new


def _grown(car: BoxLike) -> Box:
    return Box(
        x_m=car.x_m,
        y_m=car.y_m,
        yaw_rad=car.yaw_rad,
        length_m=car.length_m + 2 * _APART_M,
        width_m=car.width_m + 2 * _APART_M,
    )
