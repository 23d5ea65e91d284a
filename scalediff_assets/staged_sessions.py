"""Sessions for the generation demo: the game's staged scenarios, driven twice each, and free drives.

Recorded small and at 10 Hz, because clips are; uploaded through the API and processed as any session.
"""

import time

from rich.console import Console

from resources.connections import Connections
from resources.jobs import JobFailedError
from resources.profiles import resources_for
from resources.settings import Settings
from scalediff_assets.demo import DemoSession, play
from scalediff_assets.raw_sessions.arrivals import hours_to_run, take_in
from scalediff_assets.simulated_players import wallet_of
from scalediff_contract.scenarios import load_catalogue
from world.recorder import RecordingSpec

_STARTED_MS = 1_790_100_000_000
_PLAYERS, _FREE, _TIMES = 6, 4, 2
_DURATION_S = 20.0


def staged_sessions(seed: int) -> list[DemoSession]:
    """Each scenario that is of a category, twice; and free drives, which are everyday clips."""
    staged = [each.game_scenario for each in load_catalogue().categories if each.game_scenario]
    names = staged * _TIMES + ["free"] * _FREE
    return [
        DemoSession(
            player=player,
            spec=RecordingSpec(
                seed=seed * 1_000 + 700 + number,
                wallet=wallet_of(player),
                started_ms=_STARTED_MS + number * 90_000,
                duration_s=_DURATION_S,
                fps=10.0,
                width_px=320,
                height_px=180,
                scenario_id=name,
                driver=("expert", "jittery")[number % 2],
                person=number % _PLAYERS,
                latency_ms=150.0,
            ),
        )
        for number, name in enumerate(names)
        for player in [f"driver {number % _PLAYERS}"]
    ]


def record_staged(settings: Settings, *, console: Console, seed: int) -> None:
    """Record, upload, and take through the graph up to the verdicts.

    Raises:
        JobFailedError: A step or a check failed.
        RuntimeError: A recording could not be made.
    """
    from scalediff_assets.definitions import WORKER_MODULES
    from scalediff_assets.home import instance
    from scalediff_assets.runner import materialise

    connections: Connections = resources_for(settings, worker_modules=WORKER_MODULES)["connections"]
    play(settings, connections, staged_sessions(seed), console)
    take_in(connections, now_ms=time.time_ns() // 1_000_000, final=True)
    with instance(settings) as dagster_instance, hours_to_run(connections) as hours:
        report = materialise(dagster_instance, hours, console=console, pack=False)
    if report.failures:
        raise JobFailedError("; ".join(report.failures))
