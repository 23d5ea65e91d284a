"""Drives a route set on real CARLA: routes in parallel, crashes again, finished ones never twice."""

import hashlib
import json
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gpu_services.driving.carla.attempt import Attempt, RouteTask, attempt_route
from gpu_services.driving.carla.ports import Ports
from gpu_services.driving.carla.settings import CRASHES, DOUBTFUL, NO_RESULT, RunnerSettings
from gpu_services.driving.closed_loop import AGENT_FILE, VERSIONS
from gpu_services.errors import CarlaError
from gpu_services.places import Place
from scalediff_contract.jobs import CarlaPlaces, EvaluateResult, EvaluateSpec
from scoring.leaderboard import Failure, RouteRun, make_record, make_results, rescored
from world.minitown.routes import read_routes

_STARTED_NOTHING_PERCENT = 1e-11
OnProgress = Callable[[str, int, int, str], None]


def evaluate_on_carla(
    spec: EvaluateSpec, on_progress: OnProgress, settings: RunnerSettings | None = None
) -> EvaluateResult:
    """Drive every route of a spec; each ends with exactly one final result.

    Args:
        spec: With `carla` set; `route_set` is a routes XML file.
        on_progress: Told of every finished route.
        settings: Limits; None: the usual ones.

    Raises:
        CarlaError: For an installation that cannot be used.
    """
    settings = settings or RunnerSettings(track=spec.track, evaluator_timeout_s=300.0)
    places = _checked(spec)
    routes_file = Path(spec.route_set).resolve()
    tasks = [
        RouteTask(
            route_id=route.route_id,
            repetition=repetition,
            routes_file=routes_file,
            agent=_agent_file(spec),
            agent_config=spec.checkpoint_url or "",
        )
        for repetition in range(spec.repetitions)
        for route in read_routes(routes_file)
    ]
    began_s = time.monotonic()
    output = Place(spec.output_url)
    with _ended_on_sigterm():
        finished = _drive_all(tasks, places, settings, output, spec.workers, on_progress)
    ordered = [finished[task.key] for task in tasks]
    results = _merge(ordered, output, spec, routes_file)
    records = [route["record"] for route in ordered]
    return EvaluateResult(
        status="finished",
        results=results,
        videos={},
        seconds=round(time.monotonic() - began_s, 1),
        game_s=round(sum(float(record["meta"]["duration_game"]) for record in records), 1),
        attempts={task.key: tuple(finished[task.key]["attempts"]) for task in tasks},
    )


def _checked(spec: EvaluateSpec) -> CarlaPlaces:
    places = spec.carla
    if places is None:
        raise CarlaError("the spec", "backend is carla, but no installation is named", "set CARLA_ROOT")
    needed = {
        "CARLA_ROOT": Path(places.carla_root) / "CarlaUE4.sh",
        "LEADERBOARD_ROOT": Path(places.leaderboard_root) / "leaderboard" / "leaderboard_evaluator.py",
        "SCENARIO_RUNNER_ROOT": Path(places.scenario_runner_root),
        "route set": Path(spec.route_set),
    }
    for name, path in needed.items():
        if not path.exists():
            raise CarlaError(name, f"there is no {path}", "name the installation's folder")
    return places


def _agent_file(spec: EvaluateSpec) -> Path:
    if spec.agent == "checkpoint":
        return AGENT_FILE
    path = Path(spec.agent)
    if not path.is_file():
        raise CarlaError(f"agent {spec.agent}", "CARLA has no driver of that name", "name an agent file")
    return path.resolve()


@contextmanager
def _ended_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that every process group is ended on the way out."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: object) -> None:  # noqa: ARG001
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _drive_all(
    tasks: list[RouteTask],
    places: CarlaPlaces,
    settings: RunnerSettings,
    output: Place,
    workers: int,
    on_progress: OnProgress,
) -> dict[str, dict[str, Any]]:
    """Every route's final result by key; those that are there already are not driven again."""
    finished: dict[str, dict[str, Any]] = {}
    for task in tasks:
        if output.exists(_key(task)):
            finished[task.key] = json.loads(output.read(_key(task)))
    ports, stop = Ports(), threading.Event()

    def drive(task: RouteTask) -> dict[str, Any]:
        return _drive_route(task, places, ports, settings, stop)

    with ThreadPoolExecutor(workers) as pool:
        futures = {pool.submit(drive, task): task for task in tasks if task.key not in finished}
        try:
            for future in as_completed(futures):
                task = futures[future]
                finished[task.key] = future.result()
                output.write_json(_key(task), finished[task.key])
                on_progress("driving on CARLA", len(finished), len(tasks), f"route {task.key}")
        finally:
            stop.set()
            for future in futures:
                future.cancel()
    return finished


def _key(task: RouteTask) -> str:
    return f"routes/{task.key}.json"


def _drive_route(
    task: RouteTask, places: CarlaPlaces, ports: Ports, settings: RunnerSettings, stop: threading.Event
) -> dict[str, Any]:
    """Attempts until one counts; all of them are recorded, for retrying until it is good is a bias."""
    attempts: list[Attempt] = []
    while not stop.is_set():
        with tempfile.TemporaryDirectory(prefix="carla-") as folder:
            attempts.append(attempt_route(task, places, ports, settings, Path(folder), stop))
        if not should_repeat(
            [attempt.status for attempt in attempts], attempts[-1].record, settings.attempts
        ):
            break
    last = attempts[-1]
    record = last.record or _crashed_record(task)
    document = last.document or {}
    return {
        "record": {**record, "route_id": task.key},
        "attempts": [attempt.status for attempt in attempts],
        "why": [attempt.why for attempt in attempts],
        "sensors": document.get("sensors", []),
    }


def should_repeat(statuses: list[str], record: dict[str, Any] | None, most: int) -> bool:
    """Whether a route is driven again after these attempts.

    Crashes are; a bare `Failed`, and a car that never moved, are once; anything else is a result.
    """
    if len(statuses) >= most:
        return False
    status = statuses[-1]
    if status == NO_RESULT or status in CRASHES:
        return True
    never_moved = record is not None and record["scores"]["score_route"] <= _STARTED_NOTHING_PERCENT
    doubtful = status in DOUBTFUL or (never_moved and status.startswith("Failed - Simulation"))
    return doubtful and statuses.count(status) < 2


def _crashed_record(task: RouteTask) -> dict[str, Any]:
    run = RouteRun(
        route_id=task.key,
        index=0,
        route_length_m=0.0,
        criteria=[],
        failure=Failure.SIMULATION,
        registered=False,
        duration_system_s=0.0,
        duration_game_s=0.0,
    )
    return dict(make_record(run, VERSIONS[0]))


def _merge(
    routes: list[dict[str, Any]], output: Place, spec: EvaluateSpec, routes_file: Path
) -> dict[str, str]:
    """One document per scorer version, its global record computed anew from all records."""
    names = {}
    for version in VERSIONS:
        records = [
            {**rescored(route["record"], version), "index": place} for place, route in enumerate(routes)
        ]
        document = make_results(
            records,
            version=version,
            total_routes=len(routes),
            sensors=next((route["sensors"] for route in routes if route["sensors"]), ()),
            extra_meta={
                "backend": "carla",
                "route_set": routes_file.stem,
                "route_set_hash": hashlib.sha256(routes_file.read_bytes()).hexdigest()[:16],
                "scorer_version": version.value,
                "agent": spec.agent,
                "repetitions": spec.repetitions,
                "attempts": {route["record"]["route_id"]: route["attempts"] for route in routes},
            },
        )
        names[version.value] = f"results_{version.value}.json"
        output.write(names[version.value], json.dumps(document, indent=4).encode())
    return names
