"""Staged traffic situations: data files with a schema, and the engine that plays them.

Example:
    run = ScenarioRun(load_scenario("cut-in"), first_actor_id=1000)
    run.step(t_s, player_x_m, player_y_m)     # at every tick
    run.actors, run.outcome
"""

from world.scenario.chain import ScenarioChain
from world.scenario.engine import Outcome, ScenarioRun
from world.scenario.errors import ScenarioError
from world.scenario.load import load_scenario, scenario_ids
from world.scenario.stage import Scenario

__all__ = [
    "Outcome",
    "Scenario",
    "ScenarioChain",
    "ScenarioError",
    "ScenarioRun",
    "load_scenario",
    "scenario_ids",
]
