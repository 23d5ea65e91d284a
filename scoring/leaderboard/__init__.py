"""The CARLA Leaderboard's scores: events of a drive in, a results document out.

Three rules that differ only in the penalty (`versions`): Leaderboard 2.0, Leaderboard 2.1 and
Bench2Drive. The document equals the genuine StatisticsManager's byte for byte, which fixes small
things that look odd: the order of additions, whole numbers that stay whole, single-precision
lengths. What is counted (criteria) is not here: see `world.minitown.criteria`.

Example:
    >>> run = RouteRun(route_id="RouteScenario_0_rep0", index=0, route_length_m=100.0, criteria=[
    ...     [Event(type=EventType.ROUTE_COMPLETION, percentage=100)],
    ...     [Event(type=EventType.COLLISION_VEHICLE, message="Agent collided ...")],
    ... ])
    >>> make_record(run, ScorerVersion.V2_0)["scores"]["score_composed"]
    60.0
"""

from scoring.leaderboard.compare import Difference, differences
from scoring.leaderboard.errors import ScoringInputError
from scoring.leaderboard.events import Event, EventType, Failure
from scoring.leaderboard.oracle import OracleCase, load_cases, score_case
from scoring.leaderboard.parse import Mismatch, check_records, read_results, rederive_global, rescored
from scoring.leaderboard.record import INFRACTION_KEYS, RouteRun, make_record
from scoring.leaderboard.results import LABELS, make_global_record, make_results, write_results
from scoring.leaderboard.versions import ScorerVersion, score_penalty

__all__ = [
    "INFRACTION_KEYS",
    "LABELS",
    "Difference",
    "Event",
    "EventType",
    "Failure",
    "Mismatch",
    "OracleCase",
    "RouteRun",
    "ScorerVersion",
    "ScoringInputError",
    "check_records",
    "differences",
    "load_cases",
    "make_global_record",
    "make_record",
    "make_results",
    "read_results",
    "rederive_global",
    "rescored",
    "score_case",
    "score_penalty",
    "write_results",
]
