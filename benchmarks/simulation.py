"""How much faster than the clock minitown runs, with and without a camera, on one core.

    python -m benchmarks.simulation [--json] [--seconds N]

One route of `minitown-12` with 20 vehicles, 10 pedestrians and all criteria on, at 20 Hz ticks with
120 Hz physics. The driver is a plain lane follower, so that the figure is the world's and not a
driver's; the expert's own cost is listed beside it. Every figure is simulated seconds per CPU
second of this process, measured in turns.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial

import cv2

from benchmarks.measure import interleaved, report
from world.drivers.expert import ExpertDriver, pedals
from world.minitown.judge import Judge
from world.minitown.routes import load_route_set
from world.minitown.simulator import Simulator
from world.minitown.town import Town, load_town
from world.minitown.video import ego_picture
from world.physics import CarControls

ROUNDS = 5


class Run:
    """One world, driven on and on; a finished route starts again."""

    def __init__(self, town: Town, *, expert: bool = False, side_px: tuple[int, int] | None = None) -> None:
        self._town, self._expert = town, expert
        self._route = load_route_set("minitown-12").routes[5]
        self._renderer = town.renderer(width_px=side_px[0], height_px=side_px[1]) if side_px else None
        self.restart()

    def restart(self) -> None:
        """Begin the route."""
        self.sim = Simulator(self._town, self._route, seed=1)
        self.judge = Judge(self.sim)
        self.driver = ExpertDriver()
        self.driver.start(self.sim)

    def go(self, ticks: int) -> None:
        """Drive on for some ticks."""
        for _ in range(ticks):
            sim = self.sim
            if self._renderer is not None:
                ego_picture(self._renderer, sim)
            controls = self.driver.act(sim) if self._expert else follow(sim, self.driver)
            if self.judge.tick():
                self.restart()
            else:
                sim.step(controls)


def follow(sim: Simulator, driver: ExpertDriver) -> CarControls:
    """Follow the lane at 6 m/s, whatever happens."""
    return pedals(sim, 6.0, driver.wanted_steer(sim))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=int, default=20, help="simulated seconds per round without camera")
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    started = time.perf_counter()
    town = load_town()
    built_s = time.perf_counter() - started
    runs = {
        "without_camera": (Run(town), arguments.seconds * 20),
        "without_camera_expert": (Run(town, expert=True), arguments.seconds * 20),
        "camera_256": (Run(town, side_px=(256, 256)), 100),
        "camera_1280x720": (Run(town, side_px=(1280, 720)), 20),
    }
    work: dict[str, Callable[[], object]] = {
        name: partial(run.go, ticks) for name, (run, ticks) in runs.items()
    }
    spent = interleaved(work, rounds=ROUNDS, clock=time.process_time)
    figures: dict[str, float] = {
        f"{name}_times_real_time": ticks / 20 / spent[name] for name, (_, ticks) in runs.items()
    }
    figures["city_from_its_file_s"] = built_s
    report("Minitown, simulated seconds per CPU second", figures, as_json=arguments.json)


if __name__ == "__main__":
    main()
