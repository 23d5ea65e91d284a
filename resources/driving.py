"""Places on the machine that drives: the cache of decoded frames, and real CARLA where it is installed."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from scalediff_contract.jobs import Backend, CarlaPlaces


class DrivingPlaces(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What training and closed-loop jobs find where they run.

    Attributes:
        cache_dir: Decoded frames.
        carla_roots: CARLA_ROOT, LEADERBOARD_ROOT, SCENARIO_RUNNER_ROOT; empty: minitown drives.
        workers: Routes driven at the same time.
    """

    cache_dir: str
    carla_roots: list[str]
    workers: int = 1

    @property
    def backend(self) -> "Backend":
        """Who drives; nothing that minitown drove is ever called CARLA."""
        return "carla" if self.carla_roots else "minitown"

    def carla(self) -> "CarlaPlaces | None":
        """The installations, where they are set."""
        from scalediff_contract.jobs import CarlaPlaces

        if not self.carla_roots:
            return None
        carla, leaderboard, runner = self.carla_roots
        return CarlaPlaces(carla_root=carla, leaderboard_root=leaderboard, scenario_runner_root=runner)
