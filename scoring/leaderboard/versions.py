"""The three penalty rules, and nothing else.

2.0 multiplies a factor per infraction; 2.1 sums a coefficient per infraction and divides by one
plus the sum; Bench2Drive is 2.0 without the minimum-speed factor. Driving outside the lanes takes
its share of the route away in all three. Two infractions of each of the seven counted kinds leave
0.29 % of the score under 2.0 and 11.76 % under 2.1.

Operations run in upstream's order, because the sixth digit depends on it. Percentages are not
clipped: a minimum-speed event above 100 % raises the score under 2.0 and 2.1.
"""

from collections.abc import Iterable
from enum import StrEnum

from scoring.leaderboard.events import Event, EventType


class ScorerVersion(StrEnum):
    """Which rule scores a route."""

    V2_0 = "2.0"
    V2_1 = "2.1"
    BENCH2DRIVE = "bench2drive"


FACTORS = {
    EventType.COLLISION_PEDESTRIAN: 0.5,
    EventType.COLLISION_VEHICLE: 0.6,
    EventType.COLLISION_STATIC: 0.65,
    EventType.TRAFFIC_LIGHT_INFRACTION: 0.7,
    EventType.STOP_INFRACTION: 0.8,
    EventType.SCENARIO_TIMEOUT: 0.7,
    EventType.YIELD_TO_EMERGENCY_VEHICLE: 0.7,
}
MIN_SPEED_FACTOR = 0.7
"""What a car that never moved would keep, per checkpoint."""

COEFFICIENTS = {
    EventType.COLLISION_PEDESTRIAN: 1.0,
    EventType.COLLISION_VEHICLE: 0.7,
    EventType.COLLISION_STATIC: 0.6,
    EventType.TRAFFIC_LIGHT_INFRACTION: 0.4,
    EventType.STOP_INFRACTION: 0.25,
    EventType.SCENARIO_TIMEOUT: 0.4,
    EventType.YIELD_TO_EMERGENCY_VEHICLE: 0.4,
    EventType.MIN_SPEED_INFRACTION: 0.4,
}


def score_penalty(events: Iterable[Event], version: ScorerVersion) -> float:
    """The factor, 1 without infractions, by which route completion is multiplied.

    Args:
        events: All events of the route, in the criteria's order; others are passed over.
        version: Which rule.
    """
    if version is ScorerVersion.V2_1:
        return _sum_rule(events)
    return _product_rule(events, with_min_speed=version is ScorerVersion.V2_0)


def _product_rule(events: Iterable[Event], *, with_min_speed: bool) -> float:
    penalty = 1.0
    for event in events:
        if event.type in FACTORS:
            penalty *= FACTORS[event.type]
        elif event.type is EventType.OUTSIDE_ROUTE_LANES_INFRACTION:
            penalty *= 1 - _percentage(event) / 100
        elif event.type is EventType.MIN_SPEED_INFRACTION and with_min_speed:
            penalty *= 1 - (1 - MIN_SPEED_FACTOR) * (1 - _percentage(event) / 100)
    return penalty


def _sum_rule(events: Iterable[Event]) -> float:
    penalty, total = 1.0, 0.0
    for event in events:
        if event.type is EventType.OUTSIDE_ROUTE_LANES_INFRACTION:
            penalty *= 1 - _percentage(event) / 100
        elif event.type is EventType.MIN_SPEED_INFRACTION:
            total += COEFFICIENTS[event.type] * (1 - _percentage(event) / 100)
        elif event.type in COEFFICIENTS:
            total += COEFFICIENTS[event.type]
    return penalty * (1 / (1 + total))


def _percentage(event: Event) -> float:
    assert event.percentage is not None  # noqa: S101 -- Event refuses these types without one
    return event.percentage
