"""Limits of the runner, and what counts as a crash."""

from dataclasses import dataclass
from typing import Literal

# Statuses after which a route is driven again; all others are results.
CRASHES = (
    "Failed - Simulation crashed",
    "Failed - Agent couldn't be set up",
    "Failed - Agent crashed",
)
# May be a legitimate end: driven again once, and then believed.
DOUBTFUL = ("Failed",)
NO_RESULT = "no result"


@dataclass(frozen=True, kw_only=True)
class RunnerSettings:
    """How patient the runner is.

    Attributes:
        launches: Most launches of a server for one attempt.
        attempts: Most attempts of a route.
        launch_timeout_s: From start to a healthy server.
        rpc_timeout_s: For one question to a server.
        evaluator_timeout_s: Upstream's own `--timeout`.
        silence_s: Longest time without growth of the log or the live results.
        route_cap_s: Longest time for one attempt.
        health: `rpc` asks for version and world; `tcp` only connects.
        graphics_adapter: GPU of the server.
        track: The Leaderboard's.
    """

    launches: int = 5
    attempts: int = 5
    launch_timeout_s: float = 180.0
    rpc_timeout_s: float = 10.0
    evaluator_timeout_s: float = 300.0
    silence_s: float = 600.0
    route_cap_s: float = 7_200.0
    health: Literal["rpc", "tcp"] = "rpc"
    graphics_adapter: int = 0
    track: str = "SENSORS"
