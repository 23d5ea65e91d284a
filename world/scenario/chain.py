"""Scenarios one after another: the next one starts when the one that plays is over."""

from collections.abc import Callable

from world.scenario.engine import ScenarioRun
from world.scenario.load import load_scenario
from world.scenario.stage import Scenario


class ScenarioChain:
    """Follows `next` from a first scenario.

    Attributes:
        run: The scenario that plays, or None at the chain's end.
        done: Those that are over, in order.
    """

    def __init__(self, first: str, *, load: Callable[[str], Scenario] = load_scenario) -> None:
        """Begin with a scenario.

        Args:
            first: Its id.
            load: Gives the scenario of an id.
        """
        self._load = load
        self._began_s = 0.0
        self.done: list[ScenarioRun] = []
        self.run: ScenarioRun | None = ScenarioRun(load(first))

    def step(self, t_s: float, player_x_m: float, player_y_m: float) -> bool:
        """Move to a time of the whole session.

        Returns:
            True where a new scenario has just begun: the player is to be put at its start.
        """
        run = self.run
        if run is None:
            return False
        run.step(t_s - self._began_s, player_x_m, player_y_m)
        if not run.over:
            return False
        self.done.append(run)
        follows = run.scenario.next_id
        self.run = ScenarioRun(self._load(follows)) if follows is not None else None
        self._began_s = t_s
        return self.run is not None
