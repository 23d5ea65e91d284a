"""What the CARLA Leaderboard watches on a route, with scenario_runner's exact rules.

Criteria take one `Observation` per tick from whatever simulates, and give scoring's events. They
know nothing of a simulator; the geometry of lines and zones is done before. Constants and edge
cases were learned from scenario_runner and are proved against its own outputs (`replay`).
"""

from world.minitown.criteria.criteria_set import CriteriaSet, Ending
from world.minitown.criteria.criterion import Criterion, Verdict
from world.minitown.criteria.observation import Contact, LanePosition, Observation, Pose, StopZone
from world.minitown.criteria.route import DenseRoute, DenseRouteError
from world.minitown.criteria.scenario_timeout import ScenarioTimeout
from world.minitown.criteria.yield_emergency import YieldEmergency

__all__ = [
    "Contact",
    "CriteriaSet",
    "Criterion",
    "DenseRoute",
    "DenseRouteError",
    "Ending",
    "LanePosition",
    "Observation",
    "Pose",
    "ScenarioTimeout",
    "StopZone",
    "Verdict",
    "YieldEmergency",
]
