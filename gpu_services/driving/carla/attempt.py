"""One attempt at one route: a server, the upstream evaluator, three watchdogs, and what came of it.

The watchdogs: the evaluator's own `--timeout`; silence (neither the log nor the live results grow);
and a cap on the whole attempt. A server that dies ends the attempt at once.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_services.driving.carla.ports import PortBlock, Ports
from gpu_services.driving.carla.processes import process_group
from gpu_services.driving.carla.server import LaunchError, carla_server
from gpu_services.driving.carla.settings import NO_RESULT, RunnerSettings
from scalediff_contract.jobs import CarlaPlaces
from scoring.leaderboard import ScoringInputError, read_results

_REPOSITORY = Path(__file__).parents[3]
_POLL_S = 0.1


@dataclass(frozen=True, kw_only=True)
class RouteTask:
    """One route to be driven once.

    Attributes:
        route_id: In the routes file.
        repetition: Which; also the traffic manager's seed.
        routes_file: Routes XML.
        agent: Agent file.
        agent_config: Its configuration.
    """

    route_id: str
    repetition: int
    routes_file: Path
    agent: Path
    agent_config: str

    @property
    def key(self) -> str:
        """Name of its objects."""
        return f"RouteScenario_{self.route_id}_rep{self.repetition}"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What an attempt came to.

    Attributes:
        status: The record's status, or `no result`.
        why: What the runner saw, for people.
        record: The record, where there is a whole one.
        document: The document that it is from.
    """

    status: str
    why: str = ""
    record: dict[str, Any] | None = None
    document: dict[str, Any] | None = None


def attempt_route(
    task: RouteTask,
    places: CarlaPlaces,
    ports: Ports,
    settings: RunnerSettings,
    folder: Path,
    stop: threading.Event,
) -> Attempt:
    """Drive a route once.

    Args:
        task: What.
        places: Installations.
        ports: Where ports come from.
        settings: Limits.
        folder: Empty folder for logs and results.
        stop: When set, everything is ended at once.

    Raises:
        CarlaError: For a server of another version.
    """
    why = ""
    for launch in range(settings.launches):
        if stop.is_set():
            break
        block = ports.take()
        log = folder / f"server_{launch}.log"
        try:
            with carla_server(Path(places.carla_root), block, settings, log, stop) as server:
                why = _evaluate(task, places, block, settings, folder, server, stop)
                break
        except LaunchError as error:
            why = str(error)
    return _outcome(folder / "results.json", why)


def _evaluate(
    task: RouteTask,
    places: CarlaPlaces,
    ports: PortBlock,
    settings: RunnerSettings,
    folder: Path,
    server: "subprocess.Popen[bytes]",
    stop: threading.Event,
) -> str:
    """Run the evaluator to its end; why it was ended where it did not end by itself."""
    log, live = folder / "evaluator.log", folder / "live.txt"
    command = [
        sys.executable,
        str(Path(places.leaderboard_root) / "leaderboard" / "leaderboard_evaluator.py"),
        "--host=localhost",
        f"--port={ports.rpc}",
        f"--traffic-manager-port={ports.traffic_manager}",
        f"--traffic-manager-seed={task.repetition}",
        f"--timeout={settings.evaluator_timeout_s:g}",
        f"--routes={task.routes_file}",
        f"--routes-subset={task.route_id}",
        "--repetitions=1",
        f"--agent={task.agent}",
        f"--agent-config={task.agent_config}",
        f"--track={settings.track}",
        f"--checkpoint={folder / 'results.json'}",
        f"--debug-checkpoint={live}",
    ]
    environment = evaluator_environment(places)
    with process_group(command, environment=environment, log=log, folder=folder) as evaluator:
        began_s = grew_s = time.monotonic()
        size = -1
        while evaluator.poll() is None:
            time.sleep(_POLL_S)
            now_s, now = time.monotonic(), _size(log) + _size(live)
            if now != size:
                grew_s, size = now_s, now
            if stop.is_set():
                return "the runner was asked to stop"
            if server.poll() is not None:
                return f"the server ended with code {server.returncode}"
            if now_s - grew_s > settings.silence_s:
                return f"nothing was heard for {settings.silence_s:g} s"
            if now_s - began_s > settings.route_cap_s:
                return f"the route took longer than {settings.route_cap_s:g} s"
        return "" if evaluator.returncode == 0 else f"the evaluator ended with code {evaluator.returncode}"


def evaluator_environment(places: CarlaPlaces) -> dict[str, str]:
    """What upstream's scripts export, with our package on the path for the agent file."""
    path = [
        str(Path(places.carla_root) / "PythonAPI" / "carla"),
        places.leaderboard_root,
        places.scenario_runner_root,
        str(_REPOSITORY),
        os.environ.get("PYTHONPATH", ""),
    ]
    return os.environ | {
        "CARLA_ROOT": places.carla_root,
        "LEADERBOARD_ROOT": places.leaderboard_root,
        "SCENARIO_RUNNER_ROOT": places.scenario_runner_root,
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
        "PYTHONUNBUFFERED": "1",
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _outcome(results: Path, why: str) -> Attempt:
    """What the results say; upstream writes them in place, so a part is no result."""
    try:
        document = read_results(results)
    except (ScoringInputError, OSError) as error:
        return Attempt(status=NO_RESULT, why=why or f"{error}")
    records = document["_checkpoint"]["records"]
    if not records:
        return Attempt(status=NO_RESULT, why=why or "the results have no record")
    return Attempt(status=str(records[-1]["status"]), why=why, record=records[-1], document=document)
