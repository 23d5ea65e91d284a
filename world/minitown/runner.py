"""Drives a whole route set in worker processes and writes the results document.

A worker drives one route at a time and reports every second of wall time. One that falls silent is
ended, its route is recorded as `Failed - Agent crashed`, and a new worker goes on with the next: an
agent can neither hang the run nor take it down. The document on disk is complete after every route.
"""

import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from scoring.leaderboard import Failure, RouteRun, ScorerVersion, make_results, write_results
from world.minitown.drive import DrivenRoute, DriveOptions, drive_route
from world.minitown.routes import RouteSet, RouteSpec
from world.minitown.routes_errors import RoutesFileError
from world.minitown.town import load_town
from world.scenario import load_scenario
from world.streets.errors import RouteError
from world.streets.plan import plan_route

_GRACE_S = 15.0
_START_S = 120.0  # a process on a busy machine: what it imports is not the agent's silence
_READY = "ready"
_REPORT_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class DriveJob:
    """A route set to be driven.

    Attributes:
        agent: `expert`, `noop`, `random` or `FILE.py[:CONFIG]`.
        route_set: The routes.
        repetitions: How often each route is driven.
        options: Seed, limits, traffic.
        version: Which scoring rules the document follows.
        out: Where the document goes.
        more: Further documents of the same drives, by other rules.
        video: Folder for a film per route, or None.
        films: Only the first so many routes are filmed; None films all.
        workers: Processes that drive at the same time.
        city: City file; None is the shipped one.
    """

    agent: str
    route_set: RouteSet
    out: Path
    repetitions: int = 1
    options: DriveOptions = field(default_factory=DriveOptions)
    version: ScorerVersion = ScorerVersion.V2_1
    more: dict[ScorerVersion, Path] = field(default_factory=dict)
    video: Path | None = None
    films: int | None = None
    workers: int = 1
    city: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How far one route is.

    Attributes:
        index: Place in the run.
        route_id: Its id.
        share: Part of the route driven, 0 to 1.
        game_s: Simulated time.
        done: It is over.
        detail: What went wrong, at the end.
    """

    index: int
    route_id: str
    share: float
    game_s: float
    done: bool = False
    detail: str = ""


OnProgress = Callable[[Progress], None]
_Task = tuple[int, int, RouteSpec]  # place in the run, repetition, route


def run_job(job: DriveJob, on_progress: OnProgress = lambda _: None) -> dict[str, Any]:
    """Drive every route of a job.

    Args:
        job: What to drive.
        on_progress: Called at least once a second and route, in this process.

    Returns:
        The results document, as written to `job.out`.
    """
    check_routes(job.route_set, job.city)
    tasks = [
        (repetition * len(job.route_set.routes) + place, repetition, route)
        for repetition in range(job.repetitions)
        for place, route in enumerate(job.route_set.routes)
    ]
    driven: dict[int, DrivenRoute] = {}
    document = _write(job, driven, len(tasks))
    crew = _Crew(job, tasks, on_progress)
    try:
        for index, route in crew.drive():
            driven[index] = route
            document = _write(job, driven, len(tasks))
            if route.run.failure is Failure.SENSORS:
                break
    finally:
        crew.dismiss()
    return document


def check_routes(route_set: RouteSet, city: Path | None = None) -> None:
    """Plan every route before any is driven.

    Raises:
        RoutesFileError: Naming the route that cannot be driven.
        CityError: For a city file that cannot be used.
        ScenarioError: For an unknown or malformed scenario.
    """
    town = load_town(city)
    for route in route_set.routes:
        for scenario in route.scenarios:
            load_scenario(scenario.name)
        try:
            plan_route(
                town.network,
                route.waypoints_m,
                name=f"route {route.route_id}",
                in_building=town.walls.contains,
            )
        except RouteError as error:
            raise RoutesFileError(route_set.source, str(error)) from error


def _write(job: DriveJob, driven: dict[int, DrivenRoute], total: int) -> dict[str, Any]:
    """Write the document of what has been driven so far; it is `Started` until the last route."""
    for version, out in job.more.items():
        write_results(out, _document(job, driven, total, version))
    document = _document(job, driven, total, job.version)
    write_results(job.out, document)
    return document


def _document(
    job: DriveJob, driven: dict[int, DrivenRoute], total: int, version: ScorerVersion
) -> dict[str, Any]:
    routes = [driven[index] for index in sorted(driven)]
    total_m = sum(route.run.length_m for route in routes)
    outcomes = {name: outcome for route in routes for name, outcome in route.scenarios.items()}
    meta: dict[str, object] = {
        "backend": "minitown",
        "route_set": job.route_set.name,
        "route_set_hash": job.route_set.content_hash,
        "scorer_version": version.value,
        "agent": Path(job.agent.partition(":")[0]).name,
        "seed": job.options.seed,
        "repetitions": job.repetitions,
        "total_km": round(total_m / 1000.0, 3),
        "km_driven": round(sum(route.driven_m for route in routes) / 1000.0, 3),
        "system_clock": "simulation",
        "scenarios": outcomes,
        "city": load_town(job.city).city.content_hash,
    }
    icons = next((route.sensor_icons for route in routes if route.sensor_icons), ())
    rejected = any(route.run.failure is Failure.SENSORS for route in routes)
    return make_results(
        [route.run for route in routes],
        version=version,
        total_routes=total,
        sensors=icons,
        # As upstream: a refused sensor suite ends the whole entry.
        crashed=rejected,
        final=rejected or len(routes) == total,
        eligible=False,
        extra_meta=meta,
    )


@dataclass(slots=True, kw_only=True)
class _Worker:
    process: BaseProcess
    line: Connection
    task: _Task
    heard_s: float
    is_ready: bool = False


class _Crew:
    """The worker processes of one job."""

    def __init__(self, job: DriveJob, tasks: list[_Task], on_progress: OnProgress) -> None:
        self._job, self._left, self._on_progress = job, list(reversed(tasks)), on_progress
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []
        self._silent_s = job.options.agent_timeout_s + _GRACE_S

    def drive(self) -> "list[tuple[int, DrivenRoute]] | Any":
        """Yield each route as it is done."""
        for _ in range(max(1, min(self._job.workers, len(self._left)))):
            self._hire()
        while self._workers:
            wait([worker.line for worker in self._workers], timeout=_REPORT_EVERY_S)
            for worker in list(self._workers):
                yield from self._listen(worker)

    def dismiss(self) -> None:
        """End all workers."""
        for worker in self._workers:
            _end(worker)
        self._workers.clear()

    def _hire(self) -> None:
        if not self._left:
            return
        task = self._left.pop()
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_work, args=(theirs, self._job), daemon=True)
        process.start()
        theirs.close()
        ours.send(task)
        self._workers.append(_Worker(process=process, line=ours, task=task, heard_s=time.monotonic()))

    def _listen(self, worker: _Worker) -> "list[tuple[int, DrivenRoute]]":
        done: list[tuple[int, DrivenRoute]] = []
        try:
            while worker in self._workers and worker.line.poll():
                message = worker.line.recv()
                worker.heard_s = time.monotonic()
                if message == _READY:
                    worker.is_ready = True
                elif isinstance(message, Progress):
                    self._on_progress(message)
                else:
                    done.append((worker.task[0], message))
                    self._next(worker)
        except (EOFError, ConnectionError):
            done.append(self._lost(worker, "the agent's process ended"))
        else:
            patience_s = self._silent_s if worker.is_ready else max(self._silent_s, _START_S)
            if worker in self._workers and time.monotonic() - worker.heard_s > patience_s:
                done.append(self._lost(worker, f"the agent was silent for {self._silent_s:g} s"))
        for index, route in done:
            self._on_progress(
                Progress(
                    index=index,
                    route_id=route.run.route_id,
                    share=1.0,
                    game_s=route.run.duration_game_s,
                    done=True,
                    detail=route.detail,
                )
            )
        return done

    def _next(self, worker: _Worker) -> None:
        if self._left:
            worker.task = self._left.pop()
            worker.line.send(worker.task)
        else:
            self._workers.remove(worker)
            worker.line.send(None)
            worker.process.join(_GRACE_S)
            _end(worker)

    def _lost(self, worker: _Worker, why: str) -> tuple[int, DrivenRoute]:
        self._workers.remove(worker)
        _end(worker)
        self._hire()
        index, repetition, route = worker.task
        return index, _lost_route(index, repetition, route, why)


def _lost_route(index: int, repetition: int, route: RouteSpec, why: str) -> DrivenRoute:
    run = RouteRun(
        route_id=f"RouteScenario_{route.route_id}_rep{repetition}",
        index=index,
        route_length_m=0.0,
        criteria=[],
        failure=Failure.AGENT_RUNTIME,
        registered=False,
        duration_system_s=0.0,
        duration_game_s=0.0,
    )
    return DrivenRoute(run=run, sensor_icons=(), driven_m=0.0, detail=why)


def _end(worker: _Worker) -> None:
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
    worker.line.close()


def _work(line: Connection, job: DriveJob) -> None:
    """A worker: drives what it is told until it is told None."""
    import cv2

    # One core per route: the crew is the parallelism, and results do not depend on it.
    cv2.setNumThreads(1)
    town = load_town(job.city)
    line.send(_READY)
    while (task := line.recv()) is not None:
        index, repetition, route = task
        film = _Film(job, index, repetition, route, line)
        driven = drive_route(
            town,
            route,
            film.driver,
            index=index,
            repetition=repetition,
            options=job.options,
            on_tick=film.on_tick,
        )
        film.close()
        line.send(driven)


class _Film:
    """Reports progress to the parent, and films where that is asked for."""

    def __init__(
        self, job: DriveJob, index: int, repetition: int, route: RouteSpec, line: Connection
    ) -> None:
        self._job, self._index, self._repetition, self._route, self._line = (
            job,
            index,
            repetition,
            route,
            line,
        )
        self._video: Any = None
        self._told_s = 0.0

    def driver(self) -> Any:
        """Make the job's driver."""
        from world.minitown.agent.loading import make_driver

        return make_driver(self._job.agent)

    def on_tick(self, sim: Any) -> None:
        """Tell the parent, and film."""
        now = time.monotonic()
        if now - self._told_s > _REPORT_EVERY_S:
            self._told_s = now
            share = min(1.0, sim.track.along_m / sim.plan.length_m)
            self._line.send(
                Progress(index=self._index, route_id=self._route.route_id, share=share, game_s=sim.t_s)
            )
        if self._job.video is None or (self._job.films is not None and self._index >= self._job.films):
            return
        if self._video is None:
            from world.minitown.video import RouteVideo

            self._job.video.mkdir(parents=True, exist_ok=True)
            name = f"route_{self._route.route_id}_rep{self._repetition}.mp4"
            self._video = RouteVideo(self._job.video / name, sim)
        self._video.add(sim)

    def close(self) -> None:
        """Finish the film."""
        if self._video is not None:
            self._video.close()
