"""Everybody else on the road: vehicles, pedestrians, traffic lights, all-way stops.

Example:
    traffic = Traffic(network, seed=0, vehicles=20, pedestrians=10, near=(0.0, 0.0))
    traffic.step(0.05, ego)
    traffic.actors, traffic.lights.state(crossing_id, phase)
"""

from world.traffic.lights import Lights, LightState
from world.traffic.rules import TrafficFileError, TrafficRules, traffic_rules
from world.traffic.traffic import Traffic
from world.traffic.views import EgoView

__all__ = [
    "EgoView",
    "LightState",
    "Lights",
    "Traffic",
    "TrafficFileError",
    "TrafficRules",
    "traffic_rules",
]
