"""What touches what: cars against walls and against each other.

Example:
    walls = StaticIndex([building.outline_m for building in city.buildings])
    walls.hits_box(car.x_m, car.y_m, car.yaw_rad, 4.4, 1.9)   # index of a building, or -1
"""

from world.collision.boxes import Box, boxes_touch, circle_touches_box, resolve_box
from world.collision.contacts import ContactTracker
from world.collision.footprints import ClearanceGate, StaticIndex
from world.collision.polygons import circle_hits_polygon, half_diagonal, point_in_polygon

__all__ = [
    "Box",
    "ClearanceGate",
    "ContactTracker",
    "StaticIndex",
    "boxes_touch",
    "circle_hits_polygon",
    "circle_touches_box",
    "half_diagonal",
    "point_in_polygon",
    "resolve_box",
]
