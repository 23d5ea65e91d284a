"""Drives one route with one driver and gives back what the scorer needs; nothing escapes it.

What upstream's evaluator and scenario manager do: set the agent up, tick, judge, and turn whatever
goes wrong into the Leaderboard's own failure. Runs in the main thread of its process, because a
hanging agent is interrupted by an interval timer's signal.
"""

import contextlib
import logging
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FrameType

from scoring.leaderboard import Failure, RouteRun
from world.drivers.driver import Driver
from world.minitown.agent.errors import AgentHangsError, SensorsInvalidError
from world.minitown.judge import Judge
from world.minitown.routes import RouteSpec
from world.minitown.simulator import Simulator
from world.minitown.town import Town

_log = logging.getLogger(__name__)

OnTick = Callable[[Simulator], None]


@dataclass(frozen=True, kw_only=True)
class DriveOptions:
    """How routes are driven.

    Attributes:
        seed: Base seed; a route's own is made of it, the repetition and the route's place.
        agent_timeout_s: Wall time that the agent may take to set up, and for each step.
        vehicles: Background vehicles.
        pedestrians: Background pedestrians.
    """

    seed: int = 0
    agent_timeout_s: float = 60.0
    vehicles: int = 20
    pedestrians: int = 10


@dataclass(frozen=True, kw_only=True)
class DrivenRoute:
    """What one route came to.

    Attributes:
        run: For the scorer.
        sensor_icons: Of the agent, empty where it was never set up.
        driven_m: Distance along the route.
        scenarios: Scenario id -> won, lost, timeout or unfinished.
        detail: What went wrong, in one line; empty where nothing did.
    """

    run: RouteRun
    sensor_icons: tuple[str, ...]
    driven_m: float
    scenarios: dict[str, str] = field(default_factory=dict)
    detail: str = ""


@contextlib.contextmanager
def time_limit(seconds: float, what: str) -> Iterator[None]:
    """Raise `AgentHangsError` inside the block after some wall time; main thread only."""

    def interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
        raise AgentHangsError(f"{what} took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def drive_route(
    town: Town,
    route: RouteSpec,
    make: Callable[[], Driver],
    *,
    index: int,
    repetition: int,
    options: DriveOptions,
    on_tick: OnTick | None = None,
) -> DrivenRoute:
    """Drive one route once.

    Args:
        town: Where.
        route: The route.
        make: Makes the driver; called inside the agent's time limit.
        index: The route's place in the route set.
        repetition: Which repetition.
        options: Seed, limits and traffic.
        on_tick: Called at every tick before the agent acts (progress, video).
    """
    name = f"RouteScenario_{route.route_id}_rep{repetition}"
    try:
        sim = Simulator(
            town,
            route,
            seed=(options.seed * 1009 + repetition) * 1009 + index,
            vehicles=options.vehicles,
            pedestrians=options.pedestrians,
        )
        judge = Judge(sim)
    except (ValueError, LookupError) as error:
        _log.warning("route=%s could not be loaded: %s", route.route_id, error)
        return _not_loaded(name, index, str(error))
    drive = _Drive(sim, judge, options)
    failure = drive.run(make, on_tick)
    return drive.result(name, index, failure)


def _not_loaded(name: str, index: int, detail: str) -> DrivenRoute:
    run = RouteRun(
        route_id=name,
        index=index,
        route_length_m=0.0,
        criteria=[],
        failure=Failure.SIMULATION,
        registered=False,
        duration_system_s=0.0,
        duration_game_s=0.0,
    )
    return DrivenRoute(run=run, sensor_icons=(), driven_m=0.0, detail=detail)


class _Drive:
    """The loop of one route."""

    def __init__(self, sim: Simulator, judge: Judge, options: DriveOptions) -> None:
        self.sim, self.judge, self.options = sim, judge, options
        self.driver: Driver | None = None
        self.detail = ""

    def run(self, make: Callable[[], Driver], on_tick: OnTick | None) -> Failure | None:
        """Set up, drive to the end, close; the failure, if any."""
        try:
            failure = self._set_up(make) or self._loop(on_tick)
        finally:
            self._close()
        return failure

    def _set_up(self, make: Callable[[], Driver]) -> Failure | None:
        try:
            with time_limit(self.options.agent_timeout_s, "the agent's setup"):
                self.driver = make()
                self.driver.start(self.sim)
        except SensorsInvalidError as error:
            return self._failed(Failure.SENSORS, error)
        except Exception as error:  # noqa: BLE001 -- the agent's code is not ours: the edge of the process
            return self._failed(Failure.AGENT_INIT, error)
        return None

    def _loop(self, on_tick: OnTick | None) -> Failure | None:
        sim, driver = self.sim, self.driver
        assert driver is not None  # noqa: S101
        while True:
            if on_tick is not None:
                on_tick(sim)
            try:
                with time_limit(self.options.agent_timeout_s, "run_step"):
                    controls = driver.act(sim)
            except Exception as error:  # noqa: BLE001 -- the agent's code is not ours
                return self._failed(Failure.AGENT_RUNTIME, error)
            if self.judge.tick():
                return None
            sim.step(controls)

    def _close(self) -> None:
        try:
            if self.driver is not None:
                with time_limit(self.options.agent_timeout_s, "destroy"):
                    self.driver.close()
        except Exception as error:  # noqa: BLE001 -- upstream, too, only reports a failing destroy
            _log.warning("the agent's destroy failed: %s", error)

    def _failed(self, failure: Failure, error: Exception) -> Failure:
        self.detail = f"{type(error).__name__}: {error}".splitlines()[0]
        return failure

    def result(self, name: str, index: int, failure: Failure | None) -> DrivenRoute:
        """Close the criteria and gather everything."""
        sim, judge = self.sim, self.judge
        judge.criteria.terminate()
        run = RouteRun(
            route_id=name,
            index=index,
            route_length_m=sim.plan.length_m,
            criteria=judge.criteria.events(),
            timeout=judge.criteria.timed_out,
            failure=failure,
            registered=True,
            # Minitown's only clock is the simulation's: same seed, same bytes.
            duration_system_s=sim.t_s,
            duration_game_s=sim.t_s,
        )
        return DrivenRoute(
            run=run,
            sensor_icons=self.driver.sensor_icons if self.driver else (),
            driven_m=sim.track.along_m,
            scenarios=_outcomes(sim),
            detail=self.detail,
        )


def _outcomes(sim: Simulator) -> dict[str, str]:
    return {
        run.scenario.id: run.outcome.value if run.outcome is not None else "unfinished"
        for run in sim.scenario_runs
    }
